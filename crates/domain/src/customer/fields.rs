//! The values that a customer's commands and events are made of.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::ids::{AgentId, CustomerId};
use crate::personal::Personal;
use crate::text::Name;

/// Who a customer is: a person or an organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person.
    #[default]
    Person,
    /// A company, authority or other organization.
    Organization,
}

/// Where a customer stands: `prospect → active ↔ dormant → churned → active`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// 潜在: has not bought yet.
    #[default]
    Prospect,
    /// 活跃: buys.
    Active,
    /// 沉睡: has not bought for a while.
    Dormant,
    /// 流失: is lost.
    Churned,
}

impl Lifecycle {
    /// The lifecycle as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prospect => "prospect",
            Self::Active => "active",
            Self::Dormant => "dormant",
            Self::Churned => "churned",
        }
    }

    /// Where it can go from here.
    #[must_use]
    pub const fn next(self) -> &'static [Lifecycle] {
        match self {
            Self::Prospect | Self::Churned => &[Self::Active],
            Self::Active => &[Self::Dormant],
            Self::Dormant => &[Self::Active, Self::Churned],
        }
    }
}

/// The kinds of contact points. Emails and phones are unique among live customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    /// A telephone number.
    Phone,
    /// An email address.
    Email,
    /// A WeChat id 微信号.
    Wechat,
    /// Anything else.
    Other,
}

/// A way to reach a customer, as a command gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewContactPoint {
    /// Its id; derived from the command's id if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The kind.
    pub kind: ContactKind,
    /// The number or address: phones in international format with `+`.
    pub value: Name<320>,
    /// What it is for, e.g. `home`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Name<64>>,
    /// Whether it is the one to use among those of its kind. The first of a kind is in any case.
    #[serde(default)]
    pub primary: bool,
}

/// A way to reach a customer. Its id, kind and flags are no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactPoint {
    /// Its id, unique within the customer.
    pub id: Uuid,
    /// The kind.
    pub kind: ContactKind,
    /// The number or address itself.
    pub contact: Personal<Contact>,
    /// Whether it is the one to use among those of its kind.
    pub primary: bool,
    /// Whether the customer was seen to answer there.
    pub verified: bool,
    /// Whether this customer claims it as its own alone.
    pub unique: bool,
}

/// A number or address at which somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// As it was given.
    pub value: Name<320>,
    /// In the form in which two are compared: E.164, or lower case with IDN in ASCII.
    pub normalized: String,
    /// What it is for, e.g. `home`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Name<64>>,
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// Where invoices go.
    Billing,
    /// Where goods go.
    Shipping,
    /// Where service is done.
    Service,
}

/// An address, as a command gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAddress {
    /// Its id; derived from the command's id if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What it is for.
    pub kind: AddressKind,
    /// The place.
    pub place: Place,
}

/// A customer's address. Its id and kind are no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Its id, unique within the customer.
    pub id: Uuid,
    /// What it is for.
    pub kind: AddressKind,
    /// The place.
    pub place: Personal<Place>,
}

/// A place with a postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The country.
    pub country: Country,
    /// 省: province, state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province: Option<Name<100>>,
    /// 市: city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Name<100>>,
    /// 区: district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<Name<100>>,
    /// Street, house, flat.
    #[serde(default)]
    pub lines: Lines,
    /// The post code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Name<20>>,
}

/// Up to five lines of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Name<200>>", into = "Vec<Name<200>>")]
pub struct Lines(Vec<Name<200>>);

impl Lines {
    /// The most lines of an address.
    pub const MAX: usize = 5;

    /// The lines from top to bottom.
    #[must_use]
    pub fn as_slice(&self) -> &[Name<200>] {
        &self.0
    }
}

impl TryFrom<Vec<Name<200>>> for Lines {
    type Error = String;

    fn try_from(lines: Vec<Name<200>>) -> Result<Self, String> {
        if lines.len() <= Self::MAX { Ok(Self(lines)) } else { Err(format!("at most {} lines", Self::MAX)) }
    }
}

impl From<Lines> for Vec<Name<200>> {
    fn from(lines: Lines) -> Self {
        lines.0
    }
}

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident: $check:path, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// A sentence that says what is expected.
            pub fn parse(text: &str) -> Result<Self, String> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err($expected.to_owned()) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}

tokens! {
    /// A country: ISO 3166-1 alpha-2, e.g. `CN`.
    Country: is_country, "a country is two capital letters (ISO 3166-1)";
    /// A language and region in the form of BCP 47, e.g. `zh-CN`.
    Locale: is_locale, "a locale is a language tag such as zh-CN (BCP 47)";
    /// The name of a time zone in the form of IANA's, e.g. `Asia/Shanghai`; [`Timezone::exists`] says whether there is one.
    Timezone: is_timezone, "a time zone is an IANA name such as Asia/Shanghai";
}

impl Timezone {
    /// Whether the time zone database knows the name. Asked when a customer is registered and never of an event: a name
    /// that the database drops later must not make the history unreadable.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.0.parse::<chrono_tz::Tz>().is_ok()
    }
}

/// ISO 3166-1 alpha-2, all officially assigned codes.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ \
    FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT \
    JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP \
    MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE \
    RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV \
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

fn is_country(text: &str) -> bool {
    COUNTRIES.split_ascii_whitespace().any(|country| country == text)
}

fn is_locale(text: &str) -> bool {
    let language = text.split('-').next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn is_timezone(text: &str) -> bool {
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-');
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.split('/').all(|part| !part.is_empty() && part.bytes().all(clean))
}

/// The customer's id in another system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalRef {
    /// The other system.
    pub system: Name<64>,
    /// The id there.
    pub id: Name<128>,
}

/// The way in which a consent lets a customer be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentChannel {
    /// By email.
    Email,
    /// By telephone.
    Phone,
    /// By text message.
    Sms,
    /// By WeChat 微信.
    Wechat,
    /// By letter.
    Post,
    /// In every way, or in none, such as analysis.
    Any,
}

/// The legal ground of a consent (GDPR article 6, PIPL article 13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentBasis {
    /// The customer agreed.
    #[default]
    Consent,
    /// A contract needs it.
    Contract,
    /// The law asks for it.
    LegalObligation,
    /// An interest that outweighs the customer's.
    LegitimateInterest,
}

/// What a survivor takes over from a loser where it has nothing of its own. Values stay the loser's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filled {
    /// Contact points of kinds that the survivor has none of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact_points: Vec<ContactPoint>,
    /// Addresses of kinds that the survivor has none of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    /// Tags that the survivor does not have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Name<64>>,
    /// The locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// The owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AgentId>,
}

/// What goes from a survivor again when a loser is taken out of it: what is left of [`Filled`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// The ids of contact points.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contact_points: BTreeSet<Uuid>,
    /// The ids of addresses.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<Uuid>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Name<64>>,
    /// Whether the locale goes.
    #[serde(default)]
    pub locale: bool,
    /// Whether the time zone goes.
    #[serde(default)]
    pub timezone: bool,
    /// Whether the owner goes.
    #[serde(default)]
    pub owner: bool,
}

/// A customer's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationLink {
    /// The organization.
    pub organization: CustomerId,
    /// What the customer is there.
    pub role: Option<Name<64>>,
    /// Whether it still is.
    pub active: bool,
}
