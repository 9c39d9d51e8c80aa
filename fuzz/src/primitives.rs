//! Primitive types, read and written.

use rohrpost_codec::primitive::{
    MAX_VARINT_LEN, MAX_VARLONG_LEN, VarintError, put_unsigned_varint, put_varint, put_varlong,
    read_unsigned_varint, read_varint, read_varlong, unsigned_varint_size, varint_size,
    varlong_size,
};
use rohrpost_codec::{ByteStr, Bytes, ErrorCode, Int32Array, TaggedFields, Uuid};

/// The input is read as each of the types.
pub fn primitives(data: &[u8]) {
    varint(data, MAX_VARINT_LEN, read_unsigned_varint, put_unsigned_varint, unsigned_varint_size);
    varint(data, MAX_VARINT_LEN, read_varint, put_varint, varint_size);
    varint(data, MAX_VARLONG_LEN, read_varlong, put_varlong, varlong_size);
    text(data);
    integers(data);
    tagged_fields(data);
    if let Some((bytes, _)) = data.split_first_chunk() {
        let uuid = Uuid(*bytes);
        assert_eq!(uuid.to_string().parse(), Ok(uuid));
        assert_eq!(Uuid::from_u128(uuid.as_u128()), uuid);
    }
    if let Some((bytes, _)) = data.split_first_chunk() {
        let code = ErrorCode(i16::from_be_bytes(*bytes));
        assert!(code.to_string().contains(&code.0.to_string()));
    }
}

fn varint<T: Copy + PartialEq + std::fmt::Debug>(
    data: &[u8],
    max_len: usize,
    read: impl Fn(&[u8]) -> Result<(T, &[u8]), VarintError>,
    put: impl Fn(&mut Vec<u8>, T),
    size: impl Fn(T) -> usize,
) {
    match read(data) {
        Ok((value, rest)) => {
            let mut written = Vec::new();
            put(&mut written, value);
            assert_eq!(written.len(), size(value));
            // Whoever writes more bytes than needed is understood, too.
            assert!(written.len() <= data.len() - rest.len());
            assert_eq!(read(&written), Ok((value, &[][..])));
        }
        Err(VarintError::Short) => assert!(data.len() < max_len && data.iter().all(|b| *b >= 0x80)),
        Err(VarintError::TooLong) => assert!(data.len() >= max_len),
    }
}

fn text(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    match (ByteStr::try_from(bytes.clone()), std::str::from_utf8(data)) {
        (Ok(ours), Ok(text)) => {
            assert_eq!(ours, text);
            assert_eq!(ours.as_bytes().as_ptr(), bytes.as_ptr());
            if let Ok(uuid) = text.parse::<Uuid>() {
                assert_eq!(uuid.to_string(), text);
            }
        }
        (ours, text) => assert_eq!(ours.err(), text.err()),
    }
}

fn integers(data: &[u8]) {
    let integers: Vec<i32> = data.iter().map(|&byte| i32::from(byte) << (byte & 15)).collect();
    let array = Int32Array::from(integers.clone());
    assert_eq!(array, integers);
    assert_eq!(array, integers.iter().copied().collect::<Int32Array>());
    assert_eq!(Vec::from(array), integers);
}

/// Pairs of a tag and a content.
fn tagged_fields(data: &[u8]) {
    let mut fields = TaggedFields::new();
    let mut reference = std::collections::BTreeMap::new();
    for pair in data.chunks_exact(2) {
        let content = Bytes::copy_from_slice(&pair[1..]);
        let before = fields.insert(pair[0].into(), content.clone());
        assert_eq!(before, reference.insert(u32::from(pair[0]), content));
    }
    assert!(fields.iter().eq(reference.iter().map(|(tag, content)| (*tag, content))));
    assert_eq!(fields.len(), reference.len());
    assert_eq!(fields.is_empty(), reference.is_empty());
}
