//! Where in its file a message is: the numbers of the message and of those around it, the outermost first.

use std::borrow::Cow;

use prost_reflect::MessageDescriptor;

/// More levels no message has: prost reads a hundred.
const DEEPEST: i64 = 100;

/// As bytes: their number and they themselves, zigzag varints. The first message of a file is a single zero.
pub(super) fn of(message: &MessageDescriptor) -> Vec<u8> {
    let mut path = Vec::new();
    let mut current = message.clone();
    while let Some(parent) = current.parent_message() {
        path.push(position(parent.child_messages(), &current));
        current = parent;
    }
    path.push(position(current.parent_file().messages(), &current));
    path.reverse();
    let mut bytes = Vec::new();
    if path == [0] {
        bytes.push(0);
        return bytes;
    }
    put(path.len() as u64, &mut bytes);
    for index in path {
        put(index, &mut bytes);
    }
    bytes
}

fn position(
    mut messages: impl Iterator<Item = MessageDescriptor>,
    wanted: &MessageDescriptor,
) -> u64 {
    // A message is among those of its parent, whatever they are.
    messages.position(|message| message == *wanted).unwrap_or_default() as u64
}

fn put(number: u64, into: &mut Vec<u8>) {
    // Zigzag of what is never negative.
    let mut rest = number << 1;
    while rest >= 0x80 {
        into.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    into.push(rest as u8);
}

/// The indexes of a message; those of a file's first one are not allocated.
pub(super) type Path = Cow<'static, [usize]>;

/// The indexes that bytes begin with, and what follows them. `None`: they are none.
pub(super) fn read(bytes: &[u8]) -> Option<(Path, &[u8])> {
    let (count, mut rest) = take(bytes)?;
    if count == 0 {
        return Some((Cow::Borrowed(&[0]), rest));
    }
    if !(1..=DEEPEST).contains(&count) {
        return None;
    }
    let mut path = Vec::new();
    for _ in 0..count {
        let index;
        (index, rest) = take(rest)?;
        path.push(usize::try_from(index).ok()?);
    }
    Some((Cow::Owned(path), rest))
}

fn take(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(((number >> 1) as i64 ^ -((number & 1) as i64), &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_as_they_are_written_and_nothing_else_is() {
        assert_eq!(read(&[0, 9]), Some((vec![0].into(), &[9][..])));
        assert_eq!(read(&[2, 0]), Some((vec![0].into(), &[][..])));
        assert_eq!(read(&[4, 2, 128, 2, 9]), Some((vec![1, 128].into(), &[9][..])));
        for wrong in [&[][..], &[1], &[2], &[2, 1], &[4, 0], &[0x80; 9], &[254, 255, 255, 255, 15]]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
