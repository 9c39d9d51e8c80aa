//! The Parsing Canonical Form of a schema, and its CRC-64-AVRO fingerprint.

use alloc::format;
use alloc::string::String;

use super::schema::{Id, Kind, Table};

/// What the fingerprint of nothing is.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const CRC: [u64; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut fingerprint, mut bit) = (index as u64, 0);
        while bit < 8 {
            fingerprint = (fingerprint >> 1) ^ (EMPTY & 0_u64.wrapping_sub(fingerprint & 1));
            bit += 1;
        }
        table[index] = fingerprint;
        index += 1;
    }
    table
};

/// CRC-64-AVRO, by the specification's section on schema fingerprints.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |fingerprint, byte| {
        (fingerprint >> 8) ^ CRC[usize::from(fingerprint as u8 ^ byte)]
    })
}

/// The specification's transformation of a schema's text: full names, no attributes but those that decoding needs, in their order, no white space.
pub(crate) fn form(table: &Table) -> String {
    let mut form =
        Form { table, defined: alloc::vec![false; table.types.len()], text: String::new() };
    form.put(table.root);
    form.text
}

struct Form<'t> {
    table: &'t Table,
    defined: alloc::vec::Vec<bool>,
    text: String,
}

impl Form<'_> {
    fn put(&mut self, id: Id) {
        let kind = self.table.kind(id);
        let name = kind.branch_name();
        if kind.named().is_some() && core::mem::replace(&mut self.defined[id.0 as usize], true) {
            self.text.push_str(&format!("\"{name}\""));
            return;
        }
        match kind {
            Kind::Array(of) => self.wrap("{\"type\":\"array\",\"items\":", *of),
            Kind::Map(of) => self.wrap("{\"type\":\"map\",\"values\":", *of),
            Kind::Union(union) => {
                self.text.push('[');
                for (index, branch) in union.branches.iter().enumerate() {
                    self.comma(index);
                    self.put(*branch);
                }
                self.text.push(']');
            }
            Kind::Record(record) => {
                self.text
                    .push_str(&format!("{{\"name\":\"{name}\",\"type\":\"record\",\"fields\":["));
                for (index, field) in record.fields.iter().enumerate() {
                    self.comma(index);
                    self.text.push_str(&format!("{{\"name\":\"{}\",\"type\":", field.name));
                    self.put(field.of);
                    self.text.push('}');
                }
                self.text.push_str("]}");
            }
            Kind::Enum(of) => {
                self.text
                    .push_str(&format!("{{\"name\":\"{name}\",\"type\":\"enum\",\"symbols\":["));
                for (index, symbol) in of.symbols.iter().enumerate() {
                    self.comma(index);
                    self.text.push_str(&format!("\"{symbol}\""));
                }
                self.text.push_str("]}");
            }
            Kind::Fixed(of) => self.text.push_str(&format!(
                "{{\"name\":\"{name}\",\"type\":\"fixed\",\"size\":{}}}",
                of.size
            )),
            _ => self.text.push_str(&format!("\"{name}\"")),
        }
    }

    fn wrap(&mut self, begin: &str, of: Id) {
        self.text.push_str(begin);
        self.put(of);
        self.text.push('}');
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
        }
    }
}
