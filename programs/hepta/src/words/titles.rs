//! What errors are called.

use message::Status;

macro_rules! titles {
    ($( $code:literal $title:ident $STATUS:ident )*) => {
        /// A title for every error that has one in the IANA registry of status codes. In English it
        /// is the phrase of the status line.
        pub(crate) struct Titles {
            $( #[doc = $code] pub(crate) $title: &'static str, )*
        }

        impl Titles {
            /// The title of this status; empty for what is no error, or one that nobody registered.
            pub(crate) const fn of(&self, status: Status) -> &'static str {
                match status {
                    $( Status::$STATUS => self.$title, )*
                    _ => "",
                }
            }
        }
    };
}

titles! {
    "400" bad_request BAD_REQUEST
    "401" unauthorized UNAUTHORIZED
    "402" payment_required PAYMENT_REQUIRED
    "403" forbidden FORBIDDEN
    "404" not_found NOT_FOUND
    "405" method_not_allowed METHOD_NOT_ALLOWED
    "406" not_acceptable NOT_ACCEPTABLE
    "407" proxy_authentication_required PROXY_AUTHENTICATION_REQUIRED
    "408" request_timeout REQUEST_TIMEOUT
    "409" conflict CONFLICT
    "410" gone GONE
    "411" length_required LENGTH_REQUIRED
    "412" precondition_failed PRECONDITION_FAILED
    "413" content_too_large CONTENT_TOO_LARGE
    "414" uri_too_long URI_TOO_LONG
    "415" unsupported_media_type UNSUPPORTED_MEDIA_TYPE
    "416" range_not_satisfiable RANGE_NOT_SATISFIABLE
    "417" expectation_failed EXPECTATION_FAILED
    "421" misdirected_request MISDIRECTED_REQUEST
    "422" unprocessable_content UNPROCESSABLE_CONTENT
    "423" locked LOCKED
    "424" failed_dependency FAILED_DEPENDENCY
    "425" too_early TOO_EARLY
    "426" upgrade_required UPGRADE_REQUIRED
    "428" precondition_required PRECONDITION_REQUIRED
    "429" too_many_requests TOO_MANY_REQUESTS
    "431" request_header_fields_too_large REQUEST_HEADER_FIELDS_TOO_LARGE
    "451" unavailable_for_legal_reasons UNAVAILABLE_FOR_LEGAL_REASONS
    "500" internal_server_error INTERNAL_SERVER_ERROR
    "501" not_implemented NOT_IMPLEMENTED
    "502" bad_gateway BAD_GATEWAY
    "503" service_unavailable SERVICE_UNAVAILABLE
    "504" gateway_timeout GATEWAY_TIMEOUT
    "505" http_version_not_supported HTTP_VERSION_NOT_SUPPORTED
    "506" variant_also_negotiates VARIANT_ALSO_NEGOTIATES
    "507" insufficient_storage INSUFFICIENT_STORAGE
    "508" loop_detected LOOP_DETECTED
    "511" network_authentication_required NETWORK_AUTHENTICATION_REQUIRED
}
