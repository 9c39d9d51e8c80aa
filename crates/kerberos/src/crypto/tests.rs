use alloc::vec::Vec;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn folding_is_rfc_3961s() {
    for (input, length, folded) in [
        ("012345", 8, "be072631276b1955"),
        ("password", 7, "78a07b6caf85fa"),
        ("Rough Consensus, and Running Code", 8, "bb6ed30870b7f0e0"),
        ("password", 21, "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"),
        (
            "MASSACHVSETTS INSTITVTE OF TECHNOLOGY",
            24,
            "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b",
        ),
        ("Q", 21, "518a54a215a8452a518a54a215a8452a518a54a215"),
        ("kerberos", 16, "6b65726265726f737b9b5b2b93132b93"),
    ] {
        assert_eq!(derive::n_fold(input.as_bytes(), length), hex(folded), "{input}");
    }
}

#[test]
fn ciphertext_stealing_is_rfc_3962s() {
    let key = b"chicken teriyaki";
    let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
    for (length, cipher) in [
        (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
        (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
        (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
    ] {
        let mut data = text[..length].to_vec();
        cts::encrypt(key, &mut data);
        assert_eq!(data, hex(cipher), "{length} bytes");
        cts::decrypt(key, &mut data);
        assert_eq!(data, text[..length]);
    }
}

#[test]
fn keys_are_derived_as_in_rfc_8009() {
    let key =
        Key::new(EncryptionType::Aes128Sha256, &hex("3705d96080c17728a0e800eab6e0d23c")).unwrap();
    assert_eq!(*key.derived(2, Purpose::Checksum), hex("b31a018a48f54776f403e9a396325dc3"));
    assert_eq!(*key.derived(2, Purpose::Encryption), hex("9b197dd1e8c5609d6e67c3e37c62c72e"));
    assert_eq!(*key.derived(2, Purpose::Integrity), hex("9fda0e56ab2d85e1569a688696c26a6c"));
    let key = "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52";
    let key = Key::new(EncryptionType::Aes256Sha384, &hex(key)).unwrap();
    assert_eq!(
        *key.derived(2, Purpose::Checksum),
        hex("ef5718be86cc84963d8bbb5031e9f5c4ba41f28faf69e73d")
    );
    assert_eq!(
        *key.derived(2, Purpose::Encryption),
        hex("56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49")
    );
    assert_eq!(
        *key.derived(2, Purpose::Integrity),
        hex("69b16514e3cd8e56b82010d5c73012b622c4d00ffc23ed1f")
    );
}

#[test]
fn encryption_is_rfc_8009s() {
    let key =
        Key::new(EncryptionType::Aes128Sha256, &hex("3705d96080c17728a0e800eab6e0d23c")).unwrap();
    let confounder = |text| <[u8; BLOCK]>::try_from(hex(text)).unwrap();
    let (empty, six) = ("7e5895eaf2672435bad817f545a37148", "7bca285e2fd4130fb55b1a5c83bc5b24");
    assert_eq!(
        key.encrypt(2, confounder(empty), b""),
        hex("ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718")
    );
    assert_eq!(
        key.encrypt(2, confounder(six), &[0, 1, 2, 3, 4, 5]),
        hex("84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c")
    );
    let message: Vec<u8> = (0..21).collect();
    assert_eq!(key.checksum(2, &[&message]), hex("d78367186643d67b411cba9139fc1dee"));
}

#[test]
fn what_is_encrypted_comes_back_whole_or_not_at_all() {
    for kind in EncryptionType::ALL {
        let key = Key::new(kind, &[7; 32][..kind.key_length()]).unwrap();
        for length in 0..70 {
            let plain: Vec<u8> = (0..length).collect();
            let mut cipher = key.encrypt(3, [9; BLOCK], &plain);
            assert_eq!(*key.decrypt(3, &cipher, "it").unwrap(), plain, "{kind}");
            assert!(key.decrypt(4, &cipher, "it").is_err(), "{kind}: of another usage");
            assert!(key.decrypt(3, &cipher[1..], "it").is_err(), "{kind}: cut");
            let at = usize::from(length) % cipher.len();
            cipher[at] ^= 1;
            assert!(key.decrypt(3, &cipher, "it").is_err(), "{kind}: changed");
        }
        let sum = key.checksum(5, &[b"one", b"two"]);
        assert!(key.verify_checksum(5, &[b"onetwo"], &sum));
        assert!(!key.verify_checksum(5, &[b"onetwo"], &sum[1..]));
        assert!(!key.verify_checksum(5, &[b"onetwo"], b""));
        assert!(!alloc::format!("{key:?}").contains('7'), "{key:?}");
    }
}
