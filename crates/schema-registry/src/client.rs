//! The client of the registry's REST API: [`SchemaRegistry`].

mod answer;
mod builder;
mod call;
mod connect;
mod context;
mod credentials;
mod http;
mod properties;
mod references;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde::de::IgnoredAny;

pub use self::builder::RegistryBuilder;
use self::call::{Caller, Request};
use self::context::Context;
use crate::flights::Flights;
use crate::{
    CompatibilityLevel, Dependency, Guid, Registered, RegistryError, Schema, SchemaId, UnknownLevel,
};

/// The most schemas of each kind of question that are remembered.
const MOST_KEPT: usize = 10_000;

/// A client of a schema registry: Confluent's, or one with its REST API. Clones are the same client.
///
/// What cannot change is asked for once, however many tasks want it, and remembered: schemas by number, GUID and version, and what was registered or looked
/// up. What can change (the latest version, lists, settings) is asked for each time.
///
/// Each call goes to the registry's URLs in turn until one answers, and again after a pause if none does, within the [builder](RegistryBuilder)'s limits: it
/// ends in bounded time whatever the registry does. Calls run on a tokio runtime with time and input and output enabled. Subjects may name their context: `:.context:subject`.
#[derive(Clone)]
pub struct SchemaRegistry {
    shared: Arc<Shared>,
}

struct Shared {
    caller: Caller,
    /// Where subjects belong that name no context themselves.
    context: Context,
    latest_ttl: Option<Duration>,
    ids: Kept<(Context, SchemaId)>,
    guids: Kept<Guid>,
    versions: Kept<(String, i32)>,
    registered: Kept<Asked>,
    looked_up: Kept<Asked>,
}

type Kept<K> = Flights<K, Registered, RegistryError>;

/// A schema that the registry was asked about.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    subject: String,
    schema: Schema,
    normalize: bool,
}

impl SchemaRegistry {
    /// A client of the registry at this URL, or these, with commas between, and otherwise Confluent's defaults.
    ///
    /// # Errors
    ///
    /// It is no URL.
    ///
    /// ```
    /// use rohrpost_schema_registry::SchemaRegistry;
    ///
    /// let registry = SchemaRegistry::new("http://sr-1:8081,http://sr-2:8081")?;
    /// # Ok::<(), rohrpost_schema_registry::RegistryError>(())
    /// ```
    pub fn new(urls: &str) -> Result<Self, RegistryError> {
        Self::builder().url(urls).build()
    }

    /// With settings.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// By the names of Confluent's clients: see [`RegistryBuilder::properties`]. Properties of serializers may stand among them.
    ///
    /// # Errors
    ///
    /// A name that no property has, one that is not supported, a value that it cannot have, or two that do not go together; a store of keys that
    /// cannot be read.
    pub fn from_properties<K: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, RegistryError> {
        Self::builder().properties(properties)?.build()
    }

    fn with(caller: Caller, context: Context, latest_ttl: Option<Duration>) -> Self {
        fn kept<K: std::hash::Hash + Eq + Clone>() -> Kept<K> {
            // Whoever asks the client itself wants to know how it is now.
            Flights::new(MOST_KEPT, Duration::ZERO)
        }
        let shared = Shared {
            caller,
            context,
            latest_ttl,
            ids: kept(),
            guids: kept(),
            versions: kept(),
            registered: kept(),
            looked_up: kept(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Registers a schema for a subject, if it is not there already, and gives its number. With `normalize` the registry brings it into its normal form
    /// first, and compares that.
    ///
    /// # Errors
    ///
    /// [`Incompatible`](RegistryError::Incompatible) with those that the subject has, [`InvalidSchema`](RegistryError::InvalidSchema), and what any call
    /// can meet: [`Down`](RegistryError::Down), [`Denied`](RegistryError::Denied), [`Refused`](RegistryError::Refused), [`Answer`](RegistryError::Answer).
    pub async fn register(
        &self,
        subject: &str,
        schema: &Schema,
        normalize: bool,
    ) -> Result<Registered, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let key = Asked { subject, schema: schema.clone(), normalize };
        let Asked { subject, .. } = key.clone();
        self.shared
            .registered
            .fetch(key, None, || async {
                let request = Request::post(&["subjects", &subject, "versions"])
                    .query("normalize", normalize)
                    .body(&answer::body_of(schema));
                let request = request.of_subject(&subject);
                self.ask_schema(request, Some(&subject), Some(schema)).await
            })
            .await
    }

    /// Looks whether a subject has this schema, and as which version.
    ///
    /// # Errors
    ///
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), [`SchemaNotFound`](RegistryError::SchemaNotFound), and what any call can meet.
    pub async fn look_up(
        &self,
        subject: &str,
        schema: &Schema,
        normalize: bool,
    ) -> Result<Registered, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let key = Asked { subject, schema: schema.clone(), normalize };
        let Asked { subject, .. } = key.clone();
        self.shared
            .looked_up
            .fetch(key, None, || async {
                let request = Request::post(&["subjects", &subject])
                    .query("normalize", normalize)
                    .query("deleted", false)
                    .body(&answer::body_of(schema));
                let request = request.of_subject(&subject);
                self.ask_schema(request, Some(&subject), Some(schema)).await
            })
            .await
    }

    /// The schema of this number. Numbers are a context's own: a subject, if there is one, says which context is meant.
    ///
    /// # Errors
    ///
    /// [`SchemaNotFound`](RegistryError::SchemaNotFound), and what any call can meet.
    pub async fn by_id(
        &self,
        id: SchemaId,
        subject: Option<&str>,
    ) -> Result<Registered, RegistryError> {
        let context = self.shared.context.of(subject);
        self.shared
            .ids
            .fetch((context.clone(), id), None, || async {
                let number = id.to_string();
                let mut request = Request::get(&["schemas", "ids", &number]);
                if !context.is_default() {
                    request = request.query("subject", &context);
                }
                let found = self.ask_schema(request, None, None).await?;
                Ok(Registered { id: Some(id), ..found })
            })
            .await
    }

    /// The schema of this GUID.
    ///
    /// # Errors
    ///
    /// [`SchemaNotFound`](RegistryError::SchemaNotFound), and what any call can meet. Registries before Confluent Platform 8.0 know no GUIDs.
    pub async fn by_guid(&self, guid: Guid) -> Result<Registered, RegistryError> {
        self.shared
            .guids
            .fetch(guid, None, || async {
                let name = guid.to_string();
                let request = Request::get(&["schemas", "guids", &name]);
                let found = self.ask_schema(request, None, None).await?;
                Ok(Registered { guid: Some(guid), ..found })
            })
            .await
    }

    /// The number that the schema of this GUID has in a context: that of the subject, if there is one.
    ///
    /// # Errors
    ///
    /// [`NoId`](RegistryError::NoId), [`SchemaNotFound`](RegistryError::SchemaNotFound), and what any call can meet.
    pub async fn id_of(
        &self,
        guid: Guid,
        subject: Option<&str>,
    ) -> Result<SchemaId, RegistryError> {
        let name = guid.to_string();
        let ids: Vec<answer::ContextId> =
            self.ask(Request::get(&["schemas", "guids", &name, "ids"])).await?;
        let context = self.shared.context.of(subject);
        ids.iter()
            .find(|found| context.is_called(&found.context))
            .map(|found| SchemaId(found.id))
            .ok_or_else(|| RegistryError::NoId { guid, context: context.name().to_owned() })
    }

    /// The newest schema of a subject. Asked for each time.
    ///
    /// # Errors
    ///
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), and what any call can meet.
    pub async fn latest(&self, subject: &str) -> Result<Registered, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let request = Request::get(&["subjects", &subject, "versions", "latest"]);
        let request = request.of_subject(&subject).of_version("latest");
        self.ask_schema(request, Some(&subject), None).await
    }

    /// A version of a subject, from 1; -1, as references have it, is the newest, which is asked for each time.
    ///
    /// # Errors
    ///
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), [`VersionNotFound`](RegistryError::VersionNotFound), and what any call can meet.
    pub async fn version(&self, subject: &str, version: i32) -> Result<Registered, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let ask = || async {
            let number = version.to_string();
            // References may be to versions that were deleted since: what is written by them is not.
            let request = Request::get(&["subjects", &subject, "versions", &number])
                .query("deleted", true)
                .of_subject(&subject)
                .of_version(&number);
            self.ask_schema(request, Some(&subject), None).await
        };
        match version {
            ..1 => ask().await,
            _ => self.shared.versions.fetch((subject.clone(), version), None, ask).await,
        }
    }

    /// The versions that a subject has, without those that were deleted.
    ///
    /// # Errors
    ///
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), and what any call can meet.
    pub async fn versions(&self, subject: &str) -> Result<Vec<i32>, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        self.ask(Request::get(&["subjects", &subject, "versions"]).of_subject(&subject)).await
    }

    /// The subjects of the client's context, without those that were deleted.
    ///
    /// # Errors
    ///
    /// What any call can meet.
    pub async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        let context = &self.shared.context;
        let mut request = Request::get(&["subjects"]);
        if !context.is_default() {
            request = request.query("subjectPrefix", context);
        }
        self.ask(request).await
    }

    /// The schemas that this one uses, directly or not, each after those that it uses itself and once; none if it has no references. References that name no
    /// context are to the context of the subject.
    ///
    /// # Errors
    ///
    /// [`References`](RegistryError::References): they go in a circle, or there are too many; those of [`version`](Self::version).
    pub async fn references(
        &self,
        schema: &Schema,
        subject: Option<&str>,
    ) -> Result<Vec<Dependency>, RegistryError> {
        let context = self.shared.context.of(subject);
        references::follow(self, context, schema).await
    }

    /// Whether a schema could be registered for a subject: compared with one version, or where `version` is `None` with all that the subject's
    /// compatibility level wants.
    ///
    /// # Errors
    ///
    /// [`InvalidSchema`](RegistryError::InvalidSchema), [`VersionNotFound`](RegistryError::VersionNotFound),
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), and what any call can meet.
    pub async fn check_compatibility(
        &self,
        subject: &str,
        schema: &Schema,
        version: Option<i32>,
    ) -> Result<Compatibility, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let number = version.map(|version| version.to_string());
        let mut path = vec!["compatibility", "subjects", &subject, "versions"];
        path.extend(number.as_deref());
        let mut request = Request::post(&path)
            .query("verbose", true)
            .body(&answer::body_of(schema))
            .of_subject(&subject);
        if let Some(number) = &number {
            request = request.of_version(number);
        }
        let answer: answer::Compatible = self.ask(request).await?;
        Ok(Compatibility { is_compatible: answer.is_compatible, messages: answer.messages })
    }

    /// The compatibility level of a subject, or of all that have none of their own where `subject` is `None`.
    ///
    /// # Errors
    ///
    /// What any call can meet.
    pub async fn compatibility_level(
        &self,
        subject: Option<&str>,
    ) -> Result<CompatibilityLevel, RegistryError> {
        let mut request = Request::get(&self.config_path(subject).each());
        if subject.is_some() {
            request = request.query("defaultToGlobal", true);
        }
        let asked = request.asked();
        let answer: answer::Level = self.ask(request).await?;
        let level = answer::cut(&answer.level, answer::MOST_QUOTED).parse();
        level.map_err(|error: UnknownLevel| self.strange(asked, error.to_string()))
    }

    /// Sets the compatibility level of a subject, or of all that have none of their own where `subject` is `None`.
    ///
    /// # Errors
    ///
    /// What any call can meet.
    pub async fn set_compatibility_level(
        &self,
        subject: Option<&str>,
        level: CompatibilityLevel,
    ) -> Result<(), RegistryError> {
        let body = serde_json::json!({ "compatibility": level.name() });
        let request = Request::new(Method::PUT, &self.config_path(subject).each()).body(&body);
        let _: IgnoredAny = self.ask(request).await?;
        Ok(())
    }

    /// Deletes a subject, and gives the versions that it had. What is deleted can still be read by number, until it is deleted once more with `permanent`.
    ///
    /// # Errors
    ///
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), [`Refused`](RegistryError::Refused) where others refer to it, and what any call can meet.
    pub async fn delete_subject(
        &self,
        subject: &str,
        permanent: bool,
    ) -> Result<Vec<i32>, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let request = Request::new(Method::DELETE, &["subjects", &subject])
            .query("permanent", permanent)
            .of_subject(&subject);
        let outcome = self.ask(request).await;
        self.forget(&subject);
        outcome
    }

    /// Deletes a version of a subject, as [`delete_subject`](Self::delete_subject) does all.
    ///
    /// # Errors
    ///
    /// [`SubjectNotFound`](RegistryError::SubjectNotFound), [`VersionNotFound`](RegistryError::VersionNotFound), [`Refused`](RegistryError::Refused)
    /// where others refer to it, and what any call can meet.
    pub async fn delete_version(
        &self,
        subject: &str,
        version: i32,
        permanent: bool,
    ) -> Result<i32, RegistryError> {
        let subject = self.shared.context.qualify(subject);
        let number = version.to_string();
        let request = Request::new(Method::DELETE, &["subjects", &subject, "versions", &number])
            .query("permanent", permanent)
            .of_subject(&subject)
            .of_version(&number);
        let outcome = self.ask(request).await;
        self.forget(&subject);
        outcome
    }

    /// For how long serializers may take the latest version for the latest: `latest.cache.ttl.sec`.
    #[cfg_attr(
        not(any(feature = "avro", feature = "protobuf", feature = "json")),
        allow(dead_code, reason = "there are no serializers")
    )]
    pub(crate) fn latest_ttl(&self) -> Option<Duration> {
        self.shared.latest_ttl
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, RegistryError> {
        self.shared.caller.call(&request).await
    }

    /// `asked` is the schema that it is asked about, where there is one.
    ///
    /// Registries give files of Protocol Buffers as texts, which would have to be compiled, unless they are asked for descriptors. Of other types some refuse
    /// to be asked that.
    async fn ask_schema(
        &self,
        request: Request,
        subject: Option<&str>,
        asked: Option<&Schema>,
    ) -> Result<Registered, RegistryError> {
        let registered = |answer: answer::Registered| {
            let strange = |detail| self.strange(request.asked(), detail);
            answer.into_registered(subject, asked).map_err(strange)
        };
        let found = registered(self.shared.caller.call(&request).await?)?;
        if asked.is_some() || !answer::is_proto_file(&found.schema) {
            return Ok(found);
        }
        let request = request.clone().query("format", "serialized");
        let serialized = registered(self.shared.caller.call(&request).await?)?;
        Ok(Registered { id: found.id, version: found.version, ..serialized })
    }

    /// An answer that came, and is none.
    fn strange(&self, asked: String, detail: String) -> RegistryError {
        RegistryError::Answer { url: self.shared.caller.url(), asked, detail }
    }

    /// After a deletion, which may have happened even if it was not acknowledged.
    fn forget(&self, subject: &str) {
        let Shared { registered, looked_up, versions, .. } = &*self.shared;
        registered.forget(|asked| asked.subject == subject);
        looked_up.forget(|asked| asked.subject == subject);
        versions.forget(|(of, _)| of == subject);
    }

    fn config_path(&self, subject: Option<&str>) -> ConfigPath {
        let context = &self.shared.context;
        let subject = subject.map(|subject| context.qualify(subject));
        ConfigPath(subject.or_else(|| (!context.is_default()).then(|| context.to_string())))
    }
}

/// `/config`, or that of a subject or context.
struct ConfigPath(Option<String>);

impl ConfigPath {
    fn each(&self) -> Vec<&str> {
        std::iter::once("config").chain(self.0.as_deref()).collect()
    }
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaRegistry")
            .field("caller", &self.shared.caller)
            .field("context", &self.shared.context.name())
            .finish_non_exhaustive()
    }
}

/// What a registry says of a schema that could be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compatibility {
    /// Whether it could.
    pub is_compatible: bool,
    /// What contradicts what, if not.
    pub messages: Vec<String>,
}
