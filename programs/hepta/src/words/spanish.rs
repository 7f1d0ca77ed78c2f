//! Spanish.

use super::digits::{Digits, NARROW_BLANK};
use super::{Errors, Listing, Titles, Words};

/// Real Academia Española: numbers of four digits are not divided, others by a blank.
const DIGITS: Digits = Digits { separator: NARROW_BLANK, len_min: 5 };

/// Spanish, in words that are understood on both sides of the Atlantic.
pub(super) static SPANISH: Words = Words {
    tag: "es",
    titles: Titles {
        bad_request: "Solicitud incorrecta",
        unauthorized: "Autenticación requerida",
        payment_required: "Pago requerido",
        forbidden: "Acceso prohibido",
        not_found: "No encontrado",
        method_not_allowed: "Método no permitido",
        not_acceptable: "No aceptable",
        proxy_authentication_required: "Autenticación de proxy requerida",
        request_timeout: "Tiempo de espera de la solicitud agotado",
        conflict: "Conflicto",
        gone: "Ya no está disponible",
        length_required: "Longitud requerida",
        precondition_failed: "Condición previa no cumplida",
        content_too_large: "Contenido demasiado grande",
        uri_too_long: "Dirección demasiado larga",
        unsupported_media_type: "Tipo de medio no admitido",
        range_not_satisfiable: "Intervalo no disponible",
        expectation_failed: "Expectativa no cumplida",
        misdirected_request: "Solicitud mal dirigida",
        unprocessable_content: "Contenido imposible de procesar",
        locked: "Bloqueado",
        failed_dependency: "Error en una dependencia",
        too_early: "Demasiado pronto",
        upgrade_required: "Cambio de protocolo requerido",
        precondition_required: "Condición previa requerida",
        too_many_requests: "Demasiadas solicitudes",
        request_header_fields_too_large: "Campos de cabecera de la solicitud demasiado grandes",
        unavailable_for_legal_reasons: "No disponible por motivos legales",
        internal_server_error: "Error interno del servidor",
        not_implemented: "No implementado",
        bad_gateway: "Puerta de enlace incorrecta",
        service_unavailable: "Servicio no disponible",
        gateway_timeout: "Tiempo de espera de la puerta de enlace agotado",
        http_version_not_supported: "Versión de HTTP no admitida",
        variant_also_negotiates: "La variante elegida también negocia",
        insufficient_storage: "Espacio de almacenamiento insuficiente",
        loop_detected: "Bucle detectado",
        network_authentication_required: "Autenticación de red requerida",
    },
    errors: Errors {
        path_unusable: "La ruta de esta dirección no es válida: contiene una barra codificada, un \
            carácter de control o una secuencia de escape incompleta, o sube por encima del \
            directorio raíz.",
        login_needed: "El acceso requiere un nombre de usuario y una contraseña.",
        not_readable: "No se permite leer este recurso.",
        address_refused: "No se permite el acceso desde su dirección.",
        cross_site: "Esta solicitud procede de una página de otro sitio web y se ha rechazado para \
            su protección.",
        certificate_needed: "El acceso requiere un certificado de cliente.",
        origin_refused: |origin| {
            format!("Las páginas de {origin} no pueden enviar esta solicitud.")
        },
        nothing_here: "No hay nada en esta dirección.",
        method_refused: |method| format!("El método {method} no está permitido aquí."),
        nothing_acceptable: "Ninguna de las versiones disponibles corresponde a lo que acepta la \
            solicitud.",
        alternatives: "Versiones disponibles:",
        no_coding_acceptable: |codings| {
            format!("La solicitud no acepta ninguna de las codificaciones disponibles: {codings}.")
        },
        not_as_expected: "Esta no es la versión que espera la solicitud.",
        body_too_long: |max| {
            format!("El contenido de una solicitud puede tener aquí {} como máximo.", bytes(max))
        },
        range_outside: |len| {
            let len = bytes(len);
            format!("El intervalo solicitado queda fuera del archivo, cuyo tamaño es de {len}.")
        },
        no_such_site: "Este servidor no aloja ningún sitio web con ese nombre.",
        other_site: "Esta conexión se estableció con un sitio web de otro nombre.",
        too_many_requests: |seconds| {
            let wait = counted(seconds, "segundo", "segundos");
            format!(
                "Ha enviado demasiadas solicitudes en poco tiempo. Inténtelo de nuevo dentro de \
                 {wait}."
            )
        },
        unreadable: "El servidor no ha podido leer este recurso.",
        rewrites_go_round: "Las reglas de reescritura del servidor forman un bucle.",
        method_unknown: "Este servidor no conoce el método de la solicitud.",
        exhausted: "El servidor está muy ocupado. Inténtelo de nuevo en un momento.",
        too_many_at_once: "Hay demasiadas solicitudes en curso para este recurso. Inténtelo de \
            nuevo en un momento.",
        too_many_logins: "Se están comprobando demasiadas contraseñas. Inténtelo de nuevo en un \
            momento.",
    },
    listing: Listing {
        heading: "Contenido de ",
        way: "Ruta de navegación",
        top: "Directorio raíz",
        parent: "Directorio superior",
        name: "Nombre",
        size: "Tamaño",
        modified: "Modificado",
        directories: |n| counted(n, "directorio", "directorios"),
        files: |n| counted(n, "archivo", "archivos"),
        bytes,
        empty: "Este directorio está vacío.",
        truncated: "Hay más elementos, pero una página no muestra más que estos.",
    },
};

fn bytes(n: u64) -> String {
    counted(n, "byte", "bytes")
}

fn counted(n: u64, one: &str, many: &str) -> String {
    DIGITS.counted(n, if n == 1 { one } else { many })
}
