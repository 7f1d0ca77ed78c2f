//! English.

use message::Status;

use super::digits::Digits;
use super::{Errors, Listing, Titles, Words};

const DIGITS: Digits = Digits { separator: ',', len_min: 4 };

/// English, which is also for who wants none of our languages.
pub(crate) static ENGLISH: Words = Words {
    tag: "en",
    titles: Titles {
        bad_request: Status::BAD_REQUEST.reason(),
        unauthorized: Status::UNAUTHORIZED.reason(),
        payment_required: Status::PAYMENT_REQUIRED.reason(),
        forbidden: Status::FORBIDDEN.reason(),
        not_found: Status::NOT_FOUND.reason(),
        method_not_allowed: Status::METHOD_NOT_ALLOWED.reason(),
        not_acceptable: Status::NOT_ACCEPTABLE.reason(),
        proxy_authentication_required: Status::PROXY_AUTHENTICATION_REQUIRED.reason(),
        request_timeout: Status::REQUEST_TIMEOUT.reason(),
        conflict: Status::CONFLICT.reason(),
        gone: Status::GONE.reason(),
        length_required: Status::LENGTH_REQUIRED.reason(),
        precondition_failed: Status::PRECONDITION_FAILED.reason(),
        content_too_large: Status::CONTENT_TOO_LARGE.reason(),
        uri_too_long: Status::URI_TOO_LONG.reason(),
        unsupported_media_type: Status::UNSUPPORTED_MEDIA_TYPE.reason(),
        range_not_satisfiable: Status::RANGE_NOT_SATISFIABLE.reason(),
        expectation_failed: Status::EXPECTATION_FAILED.reason(),
        misdirected_request: Status::MISDIRECTED_REQUEST.reason(),
        unprocessable_content: Status::UNPROCESSABLE_CONTENT.reason(),
        locked: Status::LOCKED.reason(),
        failed_dependency: Status::FAILED_DEPENDENCY.reason(),
        too_early: Status::TOO_EARLY.reason(),
        upgrade_required: Status::UPGRADE_REQUIRED.reason(),
        precondition_required: Status::PRECONDITION_REQUIRED.reason(),
        too_many_requests: Status::TOO_MANY_REQUESTS.reason(),
        request_header_fields_too_large: Status::REQUEST_HEADER_FIELDS_TOO_LARGE.reason(),
        unavailable_for_legal_reasons: Status::UNAVAILABLE_FOR_LEGAL_REASONS.reason(),
        internal_server_error: Status::INTERNAL_SERVER_ERROR.reason(),
        not_implemented: Status::NOT_IMPLEMENTED.reason(),
        bad_gateway: Status::BAD_GATEWAY.reason(),
        service_unavailable: Status::SERVICE_UNAVAILABLE.reason(),
        gateway_timeout: Status::GATEWAY_TIMEOUT.reason(),
        http_version_not_supported: Status::HTTP_VERSION_NOT_SUPPORTED.reason(),
        variant_also_negotiates: Status::VARIANT_ALSO_NEGOTIATES.reason(),
        insufficient_storage: Status::INSUFFICIENT_STORAGE.reason(),
        loop_detected: Status::LOOP_DETECTED.reason(),
        network_authentication_required: Status::NETWORK_AUTHENTICATION_REQUIRED.reason(),
    },
    errors: Errors {
        path_unusable: "The path of this address cannot be used: it contains an encoded slash, \
            a control character or an incomplete escape sequence, or it leads above the top \
            directory.",
        login_needed: "Access requires a user name and a password.",
        not_readable: "This may not be read.",
        address_refused: "Access from your address is not permitted.",
        cross_site: "This request came from a page of another website and was refused for your \
            protection.",
        certificate_needed: "Access requires a client certificate.",
        origin_refused: |origin| format!("Pages of {origin} may not send this request."),
        nothing_here: "There is nothing at this address.",
        method_refused: |method| format!("The method {method} is not allowed here."),
        nothing_acceptable: "None of the available versions is one that your request accepts.",
        alternatives: "Available versions:",
        no_coding_acceptable: |codings| {
            format!("Your request accepts none of the available encodings: {codings}.")
        },
        not_as_expected: "This is not the version that your request expects.",
        body_too_long: |max| format!("The body of a request may have at most {} here.", bytes(max)),
        range_outside: |len| {
            format!("The requested range lies outside the file, whose length is {}.", bytes(len))
        },
        no_such_site: "This server has no website of that name.",
        other_site: "This connection was made to a website of another name.",
        too_many_requests: |seconds| {
            let wait = counted(seconds, "second", "seconds");
            format!("You have sent too many requests in a short time. Please try again in {wait}.")
        },
        unreadable: "The server could not read this.",
        rewrites_go_round: "The server’s rewrite rules form a loop.",
        method_unknown: "This server does not know the method of the request.",
        exhausted: "The server is very busy. Please try again in a moment.",
        too_many_at_once: "Too many requests for this are in progress. Please try again in a \
            moment.",
        too_many_logins: "Too many passwords are being checked. Please try again in a moment.",
    },
    listing: Listing {
        heading: "Index of ",
        way: "Breadcrumb",
        top: "Top directory",
        parent: "Parent directory",
        name: "Name",
        size: "Size",
        modified: "Modified",
        directories: |n| counted(n, "directory", "directories"),
        files: |n| counted(n, "file", "files"),
        bytes,
        empty: "This directory is empty.",
        truncated: "There are more entries, but a page shows no more than these.",
    },
};

fn bytes(n: u64) -> String {
    counted(n, "byte", "bytes")
}

fn counted(n: u64, one: &str, many: &str) -> String {
    DIGITS.counted(n, if n == 1 { one } else { many })
}
