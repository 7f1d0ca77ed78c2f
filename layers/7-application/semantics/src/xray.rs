use message::Name;

base::notes! {
    /// What the decisions of this crate tell the x-ray.
    pub enum Seen in Application {
        /// The fields of a request led to a decision.
        Decided { what: &'static str, because: Why },
        /// A field had no say.
        Ignored { field: Name, because: Why },
        /// Parts of a representation were selected; fewer than requested where some were joined.
        Selected { requested: usize, sent: usize, of_length: u64 },
        /// A representation was chosen among several; places are counted from 0.
        Chosen { variant: usize, of: usize, because: Why },
        /// A representation was not chosen.
        PassedOver { variant: usize, because: Why },
    }
}

/// The reason for a decision, or for ignoring a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    // Conditions.
    /// Every condition that had a say holds (RFC 9110 §13.2.2, last step).
    EveryConditionHolds,
    /// The client's versions do not include ours (RFC 9110 §13.1.1).
    IfMatchFails,
    /// It was modified after the client's date (RFC 9110 §13.1.4).
    ModifiedSince,
    /// The client has this version, or wants that there is none (RFC 9110 §13.1.2).
    IfNoneMatchMatches,
    /// An If-None-Match that guards a change cannot be read, so the change is not made.
    IfNoneMatchUnreadable,
    /// It was not modified after the client's date (RFC 9110 §13.1.3).
    NotModifiedSince,
    /// The method neither selects nor changes a representation (RFC 9110 §13.2.1).
    MethodHasNoConditions,
    /// There is nothing to read, so the answer is an error whatever is asked (RFC 9110 §13.2.1).
    NothingSelected,
    /// If-Match decides, and more exactly (RFC 9110 §13.1.4).
    IfMatchDecides,
    /// If-None-Match decides, and more exactly (RFC 9110 §13.1.3).
    IfNoneMatchDecides,
    /// Only GET and HEAD ask this (RFC 9110 §13.1.3).
    NotGetOrHead,
    /// The value is not one date (RFC 9110 §13.1.3, §13.1.4).
    NotADate,
    /// Nothing is known about when it was modified (RFC 9110 §13.1.3, §13.1.4).
    NoModificationDate,
    /// An element of the list is no entity tag; it matches nothing.
    NotAnEntityTag,

    // Ranges.
    /// Only GET has ranges (RFC 9110 §14.2).
    NotGet,
    /// There is no Range that it could be about (RFC 9110 §13.1.5).
    NoRange,
    /// If-Range is neither an entity tag nor a date (RFC 9110 §13.1.5).
    IfRangeUnreadable,
    /// The client has parts of another version (RFC 9110 §13.1.5).
    IfRangeFails,
    /// The date is too young to tell two versions apart (RFC 9110 §8.8.2.2).
    DateIsWeak,
    /// The field occurs more than once, and it is no list.
    MoreThanOneLine,
    /// The unit is not bytes (RFC 9110 §14.2).
    RangeUnitUnknown,
    /// The ranges are not valid (RFC 9110 §14.1.1).
    RangeMalformed,
    /// More ranges than we answer (RFC 9110 §17.15).
    TooManyRanges,
    /// More than two of the ranges overlap (RFC 9110 §14.2).
    TooManyOverlaps,
    /// Many small ranges, not in order (RFC 9110 §14.2).
    ManySmallRanges,
    /// The end of nothing is nothing, and Content-Range has no words for it (RFC 9110 §14.4).
    EmptyRepresentation,
    /// No range begins within the representation (RFC 9110 §14.1.2).
    NoRangeSatisfiable,

    // Preferences.
    /// The client prefers it, or likes it as well as any (RFC 9110 §12.1, §12.5.3).
    MostPreferred,
    /// The client excludes all that there is (RFC 9110 §12.4.1, §12.5.3).
    NothingAcceptable,
    /// The client names no such language, but one that is derived from it (RFC 4647 §3.4).
    LanguageLookedUp,
    /// No language is acceptable, and one is better than none (RFC 9110 §12.5.4).
    LanguageDisregarded,
    /// We give it a quality of 0.
    NotOffered,
    /// No range of Accept takes its media type, or the one that does has a weight of 0 (RFC 9110
    /// §12.5.1).
    MediaTypeRefused,
    /// Accept-Charset does not name its charset, or with a weight of 0 (RFC 9110 §12.5.2).
    CharsetRefused,
    /// No range of Accept-Language takes its language, or the one that does has a weight of 0
    /// (RFC 9110 §12.5.4).
    LanguageRefused,
    /// The product of its qualities is smaller (RFC 9110 §12.4.2).
    LessPreferred,
    /// The client described its media type less closely.
    LessSpecific,
    /// Its language stands later in the client's list, or is less near to what is listed.
    LanguageLessNear,
    /// It is as good as the one chosen, and comes later in our order.
    ComesLater,
    /// A member of a list cannot be read; what the others do not name stays acceptable.
    MemberMalformed,
    /// More members than we look at; what the first ones do not name stays acceptable.
    TooManyMembers,
    /// The list has no member that can be read, so that it says nothing.
    NothingListed,
    /// An element is neither a coding nor a coding with a weight; it says nothing.
    CodingMalformed,

    // Other origins and other sites.
    /// The operator named the origin, or every one (Fetch, CORS check).
    OriginAllowed,
    /// The operator did not name the origin, and it is not our own (Fetch, CORS check).
    OriginNotAllowed,
    /// The value is not one origin (Fetch, Origin).
    OriginMalformed,
    /// Nobody says which page asks.
    NoOrigin,
    /// The policy does not have the method (Fetch, CORS-preflight fetch).
    MethodNotAllowed,
    /// The policy does not have a field that the request would (Fetch, CORS-preflight fetch).
    FieldNotAllowed,
    /// What should be the name of a field is no token (RFC 9110 §5.1).
    FieldNameMalformed,
    /// More names of fields than we look at (RFC 9110 §17.5).
    TooManyFieldNames,
    /// One of our own pages asks (Fetch Metadata, Sec-Fetch-Site).
    SameOrigin,
    /// A page of a sister origin asks (Fetch Metadata, Sec-Fetch-Site).
    SameSite,
    /// A page of another site asks (Fetch Metadata, Sec-Fetch-Site).
    CrossSite,
    /// No page asks, but the user (Fetch Metadata, Sec-Fetch-Site).
    UserAsks,
    /// Neither Sec-Fetch-Site nor Origin is there, which browsers send.
    NotFromBrowser,
    /// Sec-Fetch-Site has a value that we do not know (Fetch Metadata, Sec-Fetch-Site).
    FetchSiteUnknown,
    /// The request does not say which host it is for, so that no origin is its own.
    NoAuthority,

    // Traces.
    /// Traceparent cannot be read, so a new trace begins (Trace Context, traceparent).
    TraceparentMalformed,
    /// Without Traceparent it means nothing (Trace Context, tracestate).
    NoTraceparent,
    /// An entry is not a key and a value (Trace Context, list-members).
    TracestateMalformed,
    /// More entries or more bytes than are passed on (Trace Context, tracestate limits).
    TracestateTooLong,
}
