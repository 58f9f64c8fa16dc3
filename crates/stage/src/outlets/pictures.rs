//! The pictures, as JPEG: drawn for the repository, 1200 by 800 pixels.

/// A picture's name and bytes.
type Picture = (&'static str, &'static [u8]);

macro_rules! pictures {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../outlets/pictures/", $name, ".jpg")))),*]
    };
}

/// Every picture there is.
pub(super) const PICTURES: &[Picture] = pictures![
    "clinic",
    "ferry",
    "harbour-dawn",
    "kitchen",
    "laboratory",
    "lighthouse",
    "museum",
    "school-yard",
    "theatre",
    "water-tower",
];

/// The bytes of the picture called `name`.
///
/// # Panics
/// When there is none: stories and pictures are both part of the binary.
pub(super) fn bytes(name: &str) -> &'static [u8] {
    PICTURES.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("there is no picture called {name}")).1
}
