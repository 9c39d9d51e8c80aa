//! Stores of keys and certificates.

use rohrpost_tls::{Store, StoreType, TlsSettings};

/// The most bytes of memory for a byte of a store, and for one of a few bytes: keys may share their certificates, and
/// each then has them for itself.
const MEMORY_PER_BYTE: u64 = 85;
const MEMORY_AT_LEAST: u64 = 1 << 20;

/// Enough for the seeds that were made by OpenSSL, and little enough to try many inputs.
const MOST_ITERATIONS: u32 = 5000;

/// A store of Java's own.
pub fn jks(data: &[u8]) {
    read(data, StoreType::Jks, Some("changeit"));
}

/// PKCS#12.
pub fn pkcs12(data: &[u8]) {
    read(data, StoreType::Pkcs12, Some("changeit"));
}

/// Keys and certificates as text.
pub fn pem(data: &[u8]) {
    read(data, StoreType::Pem, None);
}

/// Reads it with and without a password, as what it is and as a truststore.
fn read(data: &[u8], kind: StoreType, password: Option<&str>) {
    let open = Store::bytes(data).of_type(kind).most_iterations(MOST_ITERATIONS);
    let sealed = match password {
        Some(password) => open.clone().password(password),
        None => open.clone(),
    };
    let mut entries = None;
    let peak = allocation_counter::measure(|| entries = Some(sealed.entries(Some("changeit")))).bytes_max;
    let most = MEMORY_AT_LEAST + MEMORY_PER_BYTE * data.len() as u64;
    assert!(peak <= most, "{peak} bytes of memory for {} bytes of a store", data.len());
    match entries.expect("it has been measured") {
        Ok(entries) => {
            for certificate in entries.iter().flat_map(|entry| &entry.certificates) {
                assert!(!certificate.to_string().contains(char::is_control));
            }
        }
        Err(error) => assert!(error.is_configuration() && !error.to_string().is_empty()),
    }
    for store in [open, sealed] {
        if let Err(error) = TlsSettings::new().truststore(store.clone()).keystore(store).build() {
            assert!(error.is_configuration() && !error.to_string().contains("changeit"));
        }
    }
}
