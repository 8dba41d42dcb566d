//! Numbers with limits, parsed once and trusted afterwards.

/// Declares a number that is read from a `u32` within a range.
macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident($number:ty) in $min:literal..=$max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $name($number);

        impl $name {
            /// The number.
            #[must_use]
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl TryFrom<u32> for $name {
            type Error = String;

            fn try_from(number: u32) -> Result<Self, String> {
                <$number>::try_from(number)
                    .ok()
                    .filter(|number| ($min..=$max).contains(number))
                    .map(Self)
                    .ok_or_else(|| format!("{} to {}", $min, $max))
            }
        }

        impl From<$name> for u32 {
            fn from(value: $name) -> u32 {
                value.0.into()
            }
        }
    };
}

pub(crate) use ranged;
