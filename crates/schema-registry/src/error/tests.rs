use super::*;

fn refused_connection(url: &str) -> Attempt {
    let detail = "Connection refused".to_owned();
    Attempt { url: url.to_owned(), problem: Problem::Connect { detail } }
}

#[test]
fn a_registry_that_is_down_is_told_of_once_a_cause() {
    let asked = || "GET /subjects".to_owned();
    let (a, b) = (refused_connection("http://a"), refused_connection("http://b"));
    let attempts = vec![a.clone(), b.clone(), a.clone(), b];
    let error = RegistryError::Down { asked: asked(), attempts }.to_string();
    assert!(error.contains("in 4 attempts: http://a cannot"), "{error}");
    assert_eq!(error.matches("http://a ").count(), 1, "{error}");
    assert_eq!(error.matches("http://b ").count(), 1, "{error}");
    assert!(error.ends_with("is schema.registry.url right?"), "{error}");

    // Somebody answers: the address is not to blame.
    let busy = Problem::Status { status: 503, message: "busy".to_owned() };
    let busy = Attempt { url: "http://b".to_owned(), problem: busy };
    let error = RegistryError::Down { asked: asked(), attempts: vec![a, busy] }.to_string();
    assert!(error.ends_with("answers 503: busy"), "{error}");
}

#[test]
fn an_error_says_what_to_do() {
    let not_found = |asked: &str| {
        let message = "Schema not found".to_owned();
        RegistryError::SchemaNotFound { asked: asked.to_owned(), message }.to_string()
    };
    assert!(not_found("POST /subjects/orders-value").contains("auto.register.schemas"));
    assert!(not_found("GET /schemas/ids/7").contains("context"));
    let refused = |code| {
        let (url, asked) = ("http://sr/api".to_owned(), "GET /subjects".to_owned());
        let message = "Not Found".to_owned();
        RegistryError::Refused { url, asked, status: 404, code, message }.to_string()
    };
    assert!(refused(None).contains("the path in schema.registry.url"));
    assert!(refused(Some(404)).contains("the path in schema.registry.url"));
    assert!(!refused(Some(40408)).contains("schema.registry.url"));
}
