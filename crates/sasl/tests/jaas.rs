//! Lines of login modules as Kafka's Java client reads them: see `vectors/JaasVectors.java`.

use rohrpost_sasl::{ControlFlag, JaasConfig, JaasErrorKind};

/// `\u0041` for what is not printable ASCII, in UTF-16 as Java has it.
fn unescaped(text: &str) -> String {
    let mut units = Vec::new();
    let mut parts = text.split("\\u");
    units.extend(parts.next().expect("a first part").encode_utf16());
    for part in parts {
        let (digits, rest) = part.split_at(4);
        units.push(u16::from_str_radix(digits, 16).expect("four digits"));
        units.extend(rest.encode_utf16());
    }
    String::from_utf16(&units).expect("whole characters")
}

fn fields(jaas: &JaasConfig) -> Vec<String> {
    let flag = match jaas.flag() {
        ControlFlag::Required => "required",
        ControlFlag::Requisite => "requisite",
        ControlFlag::Sufficient => "sufficient",
        ControlFlag::Optional => "optional",
    };
    let options = jaas.options().flat_map(|(name, value)| [name.into(), value.into()]);
    [jaas.class().into(), flag.into()].into_iter().chain(options).collect()
}

/// What Java takes without having understood it, so that it is an error here.
const GUESSES: [JaasErrorKind; 4] = [
    // A quote that does not close ends with its line, a comment with the text.
    JaasErrorKind::OpenQuote,
    JaasErrorKind::OpenComment,
    // A `/` alone begins a comment.
    JaasErrorKind::Character,
    // A number or a sign is taken for an option without a name.
    JaasErrorKind::NoOption,
];

#[test]
fn lines_are_read_as_java_reads_them_or_refused_where_it_guesses() {
    let text = include_str!("vectors/jaas.txt");
    let (mut alike, mut refused, mut guessed) = (0, 0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('\t').map(unescaped);
        let written = parts.next().expect("a text");
        let by_java: Vec<String> = parts.collect();
        match JaasConfig::parse(&written) {
            Ok(jaas) => {
                assert_eq!(fields(&jaas), by_java, "{written}");
                alike += 1;
            }
            Err(_) if by_java == ["refused"] => refused += 1,
            Err(error) => {
                assert!(GUESSES.contains(&error.kind), "{error}: {written}");
                let is_slash = written.contains('/') || error.kind != JaasErrorKind::Character;
                assert!(is_slash, "{error}: {written}");
                guessed += 1;
            }
        }
    }
    assert!(alike > 300 && refused > 300 && guessed < 150, "{alike} {refused} {guessed}");
}
