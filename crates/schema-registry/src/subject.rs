//! Which subject a record's schema belongs to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rohrpost_serializer::Part;

/// How a subject gets its name: Confluent's `key.subject.name.strategy` and `value.subject.name.strategy`.
///
/// ```
/// use rohrpost_schema_registry::SubjectNameStrategy;
/// use rohrpost_serializer::Part;
///
/// let names = SubjectNameStrategy::Topic;
/// assert_eq!(names.subject("orders", Part::Value, None).unwrap(), "orders-value");
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum SubjectNameStrategy {
    /// `TopicNameStrategy`: the topic and `-key` or `-value`. A topic has records of one type then.
    #[default]
    Topic,
    /// `RecordNameStrategy`: the full name of the record's type, of whatever topic.
    Record,
    /// `TopicRecordNameStrategy`: the topic, a dash, and the full name of the record's type.
    TopicRecord,
    /// One's own: of the topic, the part, and the record's full name where it has one.
    Custom(CustomSubjectName),
}

/// A function that names subjects.
pub type CustomSubjectName = Arc<dyn Fn(&str, Part, Option<&str>) -> String + Send + Sync>;

impl SubjectNameStrategy {
    /// One's own names.
    ///
    /// ```
    /// use rohrpost_schema_registry::SubjectNameStrategy;
    ///
    /// let in_a_context = SubjectNameStrategy::custom(|topic, part, _| format!(":.sales:{topic}-{part}"));
    /// # use rohrpost_serializer::Part;
    /// # assert_eq!(in_a_context.subject("t", Part::Key, None).unwrap(), ":.sales:t-key");
    /// ```
    pub fn custom(
        name: impl Fn(&str, Part, Option<&str>) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(Arc::new(name))
    }

    /// The subject of a record's key or value; `record` is the full name of its type.
    ///
    /// # Errors
    ///
    /// The record has no name, which this strategy needs.
    pub fn subject(
        &self,
        topic: &str,
        part: Part,
        record: Option<&str>,
    ) -> Result<String, RecordHasNoName> {
        let named = || record.ok_or(RecordHasNoName { part });
        Ok(match self {
            Self::Topic => format!("{topic}-{part}"),
            Self::Record => named()?.to_owned(),
            Self::TopicRecord => format!("{topic}-{}", named()?),
            Self::Custom(name) => name(topic, part, record),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Topic => "TopicNameStrategy",
            Self::Record => "RecordNameStrategy",
            Self::TopicRecord => "TopicRecordNameStrategy",
            Self::Custom(_) => "Custom",
        }
    }
}

impl fmt::Debug for SubjectNameStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SubjectNameStrategy {
    type Err = UnknownClass;

    /// Of the name of Confluent's class, with its package or without. One's own have no name: see [`custom`](Self::custom).
    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        const PACKAGE: &str = "io.confluent.kafka.serializers.subject.";
        let simple = name.strip_prefix(PACKAGE).unwrap_or(name);
        let known = &["TopicNameStrategy", "RecordNameStrategy", "TopicRecordNameStrategy"];
        [Self::Topic, Self::Record, Self::TopicRecord]
            .into_iter()
            .find(|strategy| strategy.name() == simple)
            .ok_or_else(|| UnknownClass { name: name.to_owned(), known })
    }
}

/// A record whose type has no name, such as a bare string, where the subject is named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHasNoName {
    /// The key or the value.
    pub part: Part,
}

impl fmt::Display for RecordHasNoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {}'s schema has no name that its subject could have: use records, or TopicNameStrategy",
            self.part
        )
    }
}

impl std::error::Error for RecordHasNoName {}

/// The name of a Java class that has no counterpart here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownClass {
    /// As it was given.
    pub name: String,
    /// The simple names of those that have one.
    pub known: &'static [&'static str],
}

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {:?} here, only {}", self.name, self.known.join(", "))
    }
}

impl std::error::Error for UnknownClass {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_named_as_confluents_strategies_name_them() {
        let subject = |strategy: SubjectNameStrategy, part| {
            strategy.subject("orders", part, Some("com.example.Order")).unwrap()
        };
        assert_eq!(subject(SubjectNameStrategy::Topic, Part::Key), "orders-key");
        assert_eq!(subject(SubjectNameStrategy::Record, Part::Value), "com.example.Order");
        assert_eq!(
            subject(SubjectNameStrategy::TopicRecord, Part::Key),
            "orders-com.example.Order"
        );
        for strategy in [SubjectNameStrategy::Record, SubjectNameStrategy::TopicRecord] {
            assert!(strategy.subject("orders", Part::Key, None).is_err());
        }
    }

    #[test]
    fn confluents_class_names_are_understood() {
        for name in
            ["RecordNameStrategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy"]
        {
            assert!(matches!(name.parse(), Ok(SubjectNameStrategy::Record)));
        }
        assert!("com.example.Mine".parse::<SubjectNameStrategy>().is_err());
    }
}
