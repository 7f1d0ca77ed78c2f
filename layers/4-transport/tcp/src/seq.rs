use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A sequence number: a place in a circle of 2³².
///
/// RFC 9293 §3.4: numbers are compared modulo 2³². There is no order over the whole circle, so
/// this is no [`Ord`]; [`is_before`](Self::is_before) answers for numbers less than 2³¹ apart,
/// which windows are (RFC 7323 §2.3 keeps them below 2³⁰).
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Seq(pub u32);

impl Seq {
    /// Whether this comes before `other`.
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether this comes after `other`.
    #[inline]
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// Whether this is `other` or comes before it.
    #[inline]
    pub const fn is_at_most(self, other: Self) -> bool {
        !other.is_before(self)
    }

    /// Whether this is `other` or comes after it.
    #[inline]
    pub const fn is_at_least(self, other: Self) -> bool {
        !self.is_before(other)
    }

    /// Whether this stands in the range from `start` up to, and without, `end`.
    #[inline]
    pub const fn is_within(self, start: Self, end: Self) -> bool {
        self.0.wrapping_sub(start.0) < end.0.wrapping_sub(start.0)
    }

    /// The later of the two.
    #[inline]
    pub const fn max(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }

    /// The earlier of the two.
    #[inline]
    pub const fn min(self, other: Self) -> Self {
        if self.is_before(other) { self } else { other }
    }

    /// How far this is behind `earlier`, in bytes; nothing when it is not behind it.
    #[inline]
    pub const fn beyond(self, earlier: Self) -> u32 {
        if earlier.is_before(self) { self.0.wrapping_sub(earlier.0) } else { 0 }
    }
}

impl Add<u32> for Seq {
    type Output = Self;

    #[inline]
    fn add(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }
}

impl AddAssign<u32> for Seq {
    #[inline]
    fn add_assign(&mut self, n: u32) {
        *self = *self + n;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;

    #[inline]
    fn sub(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }
}

/// How far apart two numbers are around the circle, from the right one to the left.
impl Sub for Seq {
    type Output = u32;

    #[inline]
    fn sub(self, from: Self) -> u32 {
        self.0.wrapping_sub(from.0)
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
