//! The names in NATS: subjects and streams, all under one configurable prefix.

use domain::Category;

/// The names under one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    prefix: String,
}

/// What a command's subject says. Parts that the subject lacks are empty, so that such a command gets its error too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandSubject<'a> {
    /// The sending service, which NATS permissions bind to its credentials.
    pub publisher: &'a str,
    /// The kind of aggregate.
    pub aggregate: &'a str,
    /// The command's name, with whatever follows it.
    pub name: &'a str,
}

impl Subjects {
    /// Takes a prefix: tokens of `A–Z a–z 0–9 - _`, separated by dots, 64 characters at most.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn new(prefix: &str) -> Result<Self, String> {
        let clean = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_token = |token: &str| !token.is_empty() && token.bytes().all(clean);
        // Names that begin with an underscore are inboxes, and replies to them would be possible.
        if prefix.len() <= 64 && !prefix.starts_with('_') && prefix.split('.').all(is_token) {
            Ok(Self { prefix: prefix.to_owned() })
        } else {
            Err(format!("the prefix {prefix:?} is not 1 to 64 of A-Z, a-z, 0-9, -, _ and dots between them"))
        }
    }

    /// The prefix of all subjects.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where a service sends a command that it wants answered.
    #[must_use]
    pub fn command(&self, publisher: &str, aggregate: &str, name: &str) -> String {
        format!("{}.command.{publisher}.{aggregate}.{name}", self.prefix)
    }

    /// All commands by request–reply, unknown ones too.
    #[must_use]
    pub fn command_wildcard(&self) -> String {
        format!("{}.command.>", self.prefix)
    }

    /// Where a service sends a command that is to be kept until it is decided.
    #[must_use]
    pub fn inbox(&self, publisher: &str, aggregate: &str, name: &str) -> String {
        format!("{}.inbox.{publisher}.{aggregate}.{name}", self.prefix)
    }

    /// All durable commands. Other shapes are not stored: their sender is told at once that nobody listens.
    #[must_use]
    pub fn inbox_wildcard(&self) -> String {
        format!("{}.inbox.*.*.*", self.prefix)
    }

    /// Where events of a type are published.
    #[must_use]
    pub fn event(&self, category: Category, event_type: &str) -> String {
        format!("{}.event.{}.{event_type}", self.prefix, category.name())
    }

    /// All events.
    #[must_use]
    pub fn event_wildcard(&self) -> String {
        format!("{}.event.>", self.prefix)
    }

    /// What a subject for the outcomes of a publisher's durable commands begins with.
    #[must_use]
    pub fn outcome(&self, publisher: &str) -> String {
        format!("{}.outcome.{publisher}.", self.prefix)
    }

    /// The stream of events.
    #[must_use]
    pub fn events_stream(&self) -> String {
        format!("{}_EVENTS", self.upper_case())
    }

    /// The stream of durable commands.
    #[must_use]
    pub fn inbox_stream(&self) -> String {
        format!("{}_INBOX", self.upper_case())
    }

    /// The service that answers commands.
    #[must_use]
    pub fn commands_service(&self) -> String {
        format!("{}-commands", self.prefix.replace('.', "-"))
    }

    /// Reads a command's subject; `None` if it is none.
    #[must_use]
    pub fn parse_command<'a>(&self, subject: &'a str) -> Option<CommandSubject<'a>> {
        self.after_prefix(subject, "command").map(CommandSubject::parse)
    }

    /// Reads a durable command's subject; `None` if it is none.
    #[must_use]
    pub fn parse_inbox<'a>(&self, subject: &'a str) -> Option<CommandSubject<'a>> {
        self.after_prefix(subject, "inbox").map(CommandSubject::parse)
    }

    /// The category in an event's subject; `None` if it is no event's subject.
    #[must_use]
    pub fn parse_event(&self, subject: &str) -> Option<Category> {
        let (category, _event_type) = self.after_prefix(subject, "event")?.split_once('.')?;
        Category::parse(category)
    }

    fn after_prefix<'a>(&self, subject: &'a str, kind: &str) -> Option<&'a str> {
        subject.strip_prefix(&self.prefix)?.strip_prefix('.')?.strip_prefix(kind)?.strip_prefix('.')
    }

    fn upper_case(&self) -> String {
        let in_stream_name = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
        self.prefix.chars().map(in_stream_name).collect()
    }
}

impl<'a> CommandSubject<'a> {
    fn parse(text: &'a str) -> Self {
        let (publisher, rest) = text.split_once('.').unwrap_or((text, ""));
        let (aggregate, name) = rest.split_once('.').unwrap_or((rest, ""));
        Self { publisher, aggregate, name }
    }
}

/// Whether one message can be published there: tokens between single dots, no wildcard, no white space.
pub(crate) fn is_literal(subject: &str) -> bool {
    let plain = |token: &str| {
        !token.is_empty()
            && token != "*"
            && token != ">"
            && !token.chars().any(|char| char.is_whitespace() || char.is_control())
    };
    subject.split('.').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(prefix: &str) -> Subjects {
        Subjects::new(prefix).expect("a valid prefix")
    }

    #[test]
    fn a_command_subject_is_read_as_it_was_written() {
        let subjects = subjects("org-1.carelog");
        let expected = CommandSubject { publisher: "web", aggregate: "ticket", name: "change_priority" };
        assert_eq!(subjects.parse_command(&subjects.command("web", "ticket", "change_priority")), Some(expected));
        assert_eq!(subjects.parse_inbox(&subjects.inbox("web", "ticket", "change_priority")), Some(expected));
    }

    #[test]
    fn a_command_subject_of_another_length_is_read_so_that_it_can_be_refused() {
        let subjects = subjects("carelog");
        let parse = |subject| subjects.parse_command(subject);
        let short = CommandSubject { publisher: "web", aggregate: "ticket", name: "" };
        assert_eq!(parse("carelog.command.web.ticket"), Some(short));
        let long = CommandSubject { publisher: "web", aggregate: "ticket", name: "open.it" };
        assert_eq!(parse("carelog.command.web.ticket.open.it"), Some(long));
        assert_eq!(parse("carelog.inbox.web.ticket.open"), None);
        assert_eq!(parse("carelogs.command.web.ticket.open"), None);
    }

    #[test]
    fn streams_and_service_are_named_after_the_prefix() {
        let names = |prefix| {
            let subjects = subjects(prefix);
            [subjects.events_stream(), subjects.inbox_stream(), subjects.commands_service()]
        };
        assert_eq!(names("carelog"), ["CARELOG_EVENTS", "CARELOG_INBOX", "carelog-commands"]);
        assert_eq!(names("org-1.care"), ["ORG_1_CARE_EVENTS", "ORG_1_CARE_INBOX", "org-1-care-commands"]);
    }

    #[test]
    fn a_prefix_that_could_match_more_than_itself_is_refused() {
        for prefix in ["", ".", "a..b", "a.", "*", ">", "a b", "$JS", "_INBOX", "客服", &"a".repeat(65)] {
            assert!(Subjects::new(prefix).is_err(), "{prefix:?}");
        }
    }

    #[test]
    fn an_event_subject_tells_the_category() {
        let subjects = subjects("carelog");
        let subject = subjects.event(Category::Ticket, "TicketOpened");
        assert_eq!(subject, "carelog.event.ticket.TicketOpened");
        assert_eq!(subjects.parse_event(&subject), Some(Category::Ticket));
        assert_eq!(subjects.parse_event("carelog.event.invoice.InvoicePaid"), None);
    }
}
