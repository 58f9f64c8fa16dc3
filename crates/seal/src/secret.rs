//! A secret: no `Debug`, no `Serialize`, wiped when dropped.

use zeroize::Zeroize;

/// Something that must reach no log, page or core dump by accident. Whoever reads it says so by calling
/// [`Secret::expose`].
///
/// It cannot be printed:
/// ```compile_fail
/// let key = seal::Secret::new([7u8; 32]);
/// println!("{key:?}");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes `inside` in custody. A copy that the caller kept is the caller's to wipe.
    pub fn new(inside: T) -> Self {
        Self(inside)
    }

    /// The secret itself. Do not log it, store it in the clear or put it into an error.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> Secret<[u8; N]> {
    /// `N` fresh random bytes from the dice given.
    pub fn roll(dice: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut secret = Self([0; N]);
        dice(&mut secret.0);
        secret
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    struct Witness(Rc<Cell<u32>>);

    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_secret_is_wiped_when_dropped() {
        let wiped = Rc::new(Cell::new(0));
        let secret = Secret::new(Witness(Rc::clone(&wiped)));
        assert_eq!(wiped.get(), 0);
        drop(secret);
        assert_eq!(wiped.get(), 1);
    }
}
