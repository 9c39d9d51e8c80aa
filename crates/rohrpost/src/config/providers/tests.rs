use std::fs;
use std::path::PathBuf;

use super::super::ProducerConfig;

const PACKAGE: &str = "org.apache.kafka.common.config.provider.";

/// A folder with a file of properties and a secret, as long as it is held.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rohrpost-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("more")).unwrap();
        fs::write(folder.join("a.properties"), "id = from-a-file\nodd=hunter2\\u0020 \n").unwrap();
        fs::write(folder.join("password"), "hunter2\n").unwrap();
        fs::write(folder.join("bad.properties"), "id=hunter2\\u00\n").unwrap();
        fs::write(folder.join("binary"), b"hunter2\xff").unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// With all three, after what is said besides, as nobody has to keep an order.
fn read(properties: &[(&str, &str)]) -> Result<ProducerConfig, String> {
    let class = |name| format!("{PACKAGE}{name}");
    let [env, file, directory] =
        ["EnvVarConfigProvider", "FileConfigProvider", "DirectoryConfigProvider"].map(class);
    let providers = [
        ("config.providers", "env, file, dir"),
        ("config.providers.env.class", &env),
        ("config.providers.file.class", &file),
        ("config.providers.dir.class", &directory),
    ];
    let all = [("bootstrap.servers", "a:1")].iter().chain(properties).chain(&providers).copied();
    let config = ProducerConfig::from_java(all).map_err(|error| error.to_string())?;
    config.validate().map_err(|error| error.to_string())?;
    Ok(config)
}

fn client_id(value: &str) -> Result<String, String> {
    read(&[("client.id", value)]).map(|config| config.client_id().unwrap_or_default().to_owned())
}

#[test]
fn a_reference_stands_for_what_is_there() {
    let folder = Folder::new("references");
    let path = folder.path();
    // Cargo sets it for tests.
    assert_eq!(client_id("${env:CARGO_PKG_NAME}").unwrap(), "rohrpost");
    assert_eq!(client_id(&format!("${{file:{path}/a.properties:id}}")).unwrap(), "from-a-file");
    assert_eq!(client_id(&format!("${{dir:{path}:password}}")).unwrap(), "hunter2");
    assert_eq!(
        client_id("a-${env:CARGO_PKG_NAME}/${env:CARGO_PKG_NAME}-b}").unwrap(),
        "a-rohrpost/rohrpost-b}"
    );
    // Neither is a reference.
    assert_eq!(client_id("${CARGO_PKG_NAME} $ ${").unwrap(), "${CARGO_PKG_NAME} $ ${");
    // What a reference stands for is none itself, and without providers nothing is one.
    let config = ProducerConfig::from_java([("client.id", "${env:CARGO_PKG_NAME}")]).unwrap();
    assert_eq!(config.client_id(), Some("${env:CARGO_PKG_NAME}"));
}

#[test]
fn a_reference_to_nothing_is_an_error_that_names_the_property_and_no_secret() {
    let folder = Folder::new("nothing");
    let path = folder.path();
    for (reference, part) in [
        ("${env:ROHRPOST_NO_SUCH_VARIABLE}".to_owned(), "no such key"),
        ("${env:x:HOME}".to_owned(), "has no paths"),
        ("${vault:x}".to_owned(), "no \"vault\""),
        (format!("${{file:{path}/none:id}}"), "cannot be read"),
        (format!("${{file:{path}/a.properties:other}}"), "no such key"),
        (format!("${{file:{path}/bad.properties:id}}"), "line 1"),
        ("${file:id}".to_owned(), "has no path"),
        (format!("${{dir:{path}/none:password}}"), "is not a folder"),
        (format!("${{dir:{path}:none}}"), "no such key"),
        (format!("${{dir:{path}:more}}"), "no such key"),
        (format!("${{dir:{path}/more:../password}}"), "no such key"),
        (format!("${{dir:{path}:binary}}"), "not UTF-8"),
    ] {
        let error = read(&[("ssl.key.password", &reference)]).unwrap_err();
        assert!(error.starts_with("ssl.key.password: ${") && error.contains(part), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn parameters_bound_what_can_be_referred_to() {
    let folder = Folder::new("allowed");
    let path = folder.path();
    let allow = |at: &str, reference: &str| {
        let reference = reference.replace("{}", &path);
        let paths = at.replace("{}", &path);
        let parameters = [
            ("config.providers.file.param.allowed.paths", &*paths),
            ("config.providers.dir.param.allowed.paths", &*paths),
            ("client.id", &*reference),
        ];
        read(&parameters)
    };
    for reference in
        ["${file:{}/a.properties:id}", "${dir:{}:password}", "${dir:{}/more/..:password}"]
    {
        allow("{}", reference).unwrap();
        allow("{}/more,{}", reference).unwrap();
        let error = allow("{}/more", reference).unwrap_err();
        assert!(error.contains("allowed.paths does not allow"), "{error}");
    }
    let error = allow("{}/more", "${dir:{}/more/../../x:password}").unwrap_err();
    assert!(error.contains("does not allow"), "{error}");
    for (paths, part) in [("more", "is not absolute"), ("/no/such/folder", "is not there")] {
        let error = allow(paths, "x").unwrap_err();
        assert!(error.contains("param.allowed.paths") && error.contains(part), "{error}");
    }
    let pattern = |pattern: &str| {
        read(&[
            ("config.providers.env.param.allowlist.pattern", pattern),
            ("client.id", "${env:CARGO_PKG_NAME}"),
        ])
    };
    pattern("CARGO_.*").unwrap();
    let error = pattern("ROHRPOST_.*").unwrap_err();
    assert!(error.contains("allowlist.pattern does not allow"), "{error}");
    let error = pattern("(CARGO_.*)").unwrap_err();
    assert!(error.contains("param.allowlist.pattern"), "{error}");
}

#[test]
fn a_provider_that_is_not_set_up_as_it_must_be_says_so() {
    for (name, value, part) in [
        ("config.providers.env.class", "com.example.Vault", "com.example.Vault"),
        ("config.providers.other.class", "FileConfigProvider", "does not name \"other\""),
        ("config.providers.env.parm.x", "y", ".param."),
        ("config.providers.env", "y", ".class"),
        ("config.providers.env.param.allowed.paths", "/", "allowlist.pattern"),
        ("config.providers", "env,more", "config.providers.more.class"),
        ("org.apache.kafka.automatic.config.providers", "none", "system property"),
    ] {
        let class = format!("{PACKAGE}EnvVarConfigProvider");
        let first = [("config.providers", "env"), ("config.providers.env.class", &*class)];
        let all = first.into_iter().chain([(name, value), ("bootstrap.servers", "a:1")]);
        let read = ProducerConfig::from_java(all).and_then(|config| config.validate());
        let error = read.unwrap_err().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
}

#[test]
fn what_stands_elsewhere_is_shown_by_nothing() {
    let folder = Folder::new("shown");
    let reference = format!("${{dir:{}:password}}", folder.path());
    let mut shown = 0;
    for info in super::super::properties() {
        let result = read(&[(info.name, &reference)]);
        let told = match &result {
            Ok(config) => format!("{config:?}"),
            Err(error) => error.clone(),
        };
        shown += usize::from(result.is_ok());
        assert!(!told.contains("hunter2"), "{}: {told}", info.name);
    }
    // More with the features of TLS and SASL.
    assert!(shown >= 4, "{shown}");
    // Set anew, and no longer a reference.
    let config = read(&[("client.id", &reference), ("client.id", "plain-to-see")]).unwrap();
    assert!(format!("{config:?}").contains("plain-to-see"));
}

#[test]
fn texts_files_and_the_environment_have_references_too() {
    let text = "client.id=${env:CARGO_PKG_NAME}\nconfig.providers=env\nconfig.providers.env.class=EnvVarConfigProvider\n";
    let config = ProducerConfig::from_properties(text).unwrap();
    assert_eq!(config.client_id(), Some("rohrpost"));
    let variables = [
        ("X_CLIENT_ID", "${env:CARGO_PKG_NAME}"),
        ("X_CONFIG_PROVIDERS", "env"),
        ("X_CONFIG_PROVIDERS_ENV_CLASS", "EnvVarConfigProvider"),
    ];
    let mut config = ProducerConfig::new();
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    config.set_environment("X_", variables).unwrap();
    assert_eq!(config.client_id(), Some("rohrpost"));
    let builder = crate::Producer::builder().bootstrap_servers("a:1").properties([
        ("client.id", "${env:CARGO_PKG_NAME}"),
        ("config.providers", "env"),
        ("config.providers.env.class", "EnvVarConfigProvider"),
    ]);
    assert_eq!(builder.into_config().unwrap().client_id(), Some("rohrpost"));
}
