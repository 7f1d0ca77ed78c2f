//! German.

use super::digits::{Digits, NARROW_BLANK};
use super::{Errors, Listing, Titles, Words};

/// Numbers of four digits are mostly written as one.
const DIGITS: Digits = Digits { separator: NARROW_BLANK, len_min: 5 };

/// German.
pub(super) static GERMAN: Words = Words {
    tag: "de",
    titles: Titles {
        bad_request: "Ungültige Anfrage",
        unauthorized: "Anmeldung erforderlich",
        payment_required: "Zahlung erforderlich",
        forbidden: "Zugriff verweigert",
        not_found: "Nicht gefunden",
        method_not_allowed: "Methode nicht erlaubt",
        not_acceptable: "Nicht akzeptabel",
        proxy_authentication_required: "Anmeldung am Proxy erforderlich",
        request_timeout: "Zeitüberschreitung der Anfrage",
        conflict: "Konflikt",
        gone: "Nicht mehr vorhanden",
        length_required: "Längenangabe erforderlich",
        precondition_failed: "Vorbedingung nicht erfüllt",
        content_too_large: "Inhalt zu groß",
        uri_too_long: "Adresse zu lang",
        unsupported_media_type: "Medientyp nicht unterstützt",
        range_not_satisfiable: "Bereich nicht verfügbar",
        expectation_failed: "Erwartung nicht erfüllt",
        misdirected_request: "Fehlgeleitete Anfrage",
        unprocessable_content: "Inhalt nicht verarbeitbar",
        locked: "Gesperrt",
        failed_dependency: "Abhängigkeit fehlgeschlagen",
        too_early: "Zu früh",
        upgrade_required: "Protokollwechsel erforderlich",
        precondition_required: "Vorbedingung erforderlich",
        too_many_requests: "Zu viele Anfragen",
        request_header_fields_too_large: "Header-Felder der Anfrage zu groß",
        unavailable_for_legal_reasons: "Aus rechtlichen Gründen nicht verfügbar",
        internal_server_error: "Interner Serverfehler",
        not_implemented: "Nicht implementiert",
        bad_gateway: "Fehlerhaftes Gateway",
        service_unavailable: "Dienst nicht verfügbar",
        gateway_timeout: "Zeitüberschreitung am Gateway",
        http_version_not_supported: "HTTP-Version nicht unterstützt",
        variant_also_negotiates: "Die gewählte Variante verhandelt selbst",
        insufficient_storage: "Nicht genügend Speicherplatz",
        loop_detected: "Endlosschleife erkannt",
        network_authentication_required: "Anmeldung am Netzwerk erforderlich",
    },
    errors: Errors {
        path_unusable: "Der Pfad dieser Adresse ist unzulässig: Er enthält einen kodierten \
            Schrägstrich, ein Steuerzeichen oder eine unvollständige Escape-Sequenz, oder er führt \
            über das oberste Verzeichnis hinaus.",
        login_needed: "Für den Zugriff sind Benutzername und Passwort erforderlich.",
        not_readable: "Dies darf nicht gelesen werden.",
        address_refused: "Der Zugriff von Ihrer Adresse aus ist nicht gestattet.",
        cross_site: "Diese Anfrage kam von der Seite einer anderen Website und wurde zu Ihrem \
            Schutz abgelehnt.",
        certificate_needed: "Für den Zugriff ist ein Client-Zertifikat erforderlich.",
        origin_refused: |origin| format!("Seiten von {origin} dürfen diese Anfrage nicht senden."),
        nothing_here: "Unter dieser Adresse gibt es nichts.",
        method_refused: |method| format!("Die Methode {method} ist hier nicht erlaubt."),
        nothing_acceptable: "Keine der verfügbaren Fassungen entspricht dem, was die Anfrage \
            akzeptiert.",
        alternatives: "Verfügbare Fassungen:",
        no_coding_acceptable: |codings| {
            format!("Die Anfrage akzeptiert keine der verfügbaren Kodierungen: {codings}.")
        },
        not_as_expected: "Dies ist nicht die Fassung, die die Anfrage erwartet.",
        body_too_long: |max| {
            format!("Der Inhalt einer Anfrage darf hier höchstens {} umfassen.", bytes(max))
        },
        range_outside: |len| {
            let len = bytes(len);
            format!("Der angeforderte Bereich liegt außerhalb der Datei, die {len} umfasst.")
        },
        no_such_site: "Auf diesem Server gibt es keine Website dieses Namens.",
        other_site: "Diese Verbindung wurde zu einer Website mit einem anderen Namen aufgebaut.",
        too_many_requests: |seconds| {
            let wait = counted(seconds, "Sekunde", "Sekunden");
            format!(
                "Sie haben in kurzer Zeit zu viele Anfragen gesendet. Bitte versuchen Sie es in \
                 {wait} erneut."
            )
        },
        unreadable: "Der Server konnte dies nicht lesen.",
        rewrites_go_round: "Die Umschreiberegeln des Servers bilden eine Endlosschleife.",
        method_unknown: "Dieser Server kennt die Methode der Anfrage nicht.",
        exhausted: "Der Server ist stark ausgelastet. Bitte versuchen Sie es gleich noch einmal.",
        too_many_at_once: "Hierfür sind zu viele Anfragen in Bearbeitung. Bitte versuchen Sie es \
            gleich noch einmal.",
        too_many_logins: "Es werden gerade zu viele Passwörter geprüft. Bitte versuchen Sie es \
            gleich noch einmal.",
    },
    listing: Listing {
        heading: "Inhalt von ",
        way: "Pfad",
        top: "Oberstes Verzeichnis",
        parent: "Übergeordnetes Verzeichnis",
        name: "Name",
        size: "Größe",
        modified: "Geändert",
        directories: |n| counted(n, "Verzeichnis", "Verzeichnisse"),
        files: |n| counted(n, "Datei", "Dateien"),
        bytes,
        empty: "Dieses Verzeichnis ist leer.",
        truncated: "Es gibt weitere Einträge, doch eine Seite zeigt nicht mehr als diese.",
    },
};

/// As a unit it has no plural.
fn bytes(n: u64) -> String {
    DIGITS.counted(n, "Byte")
}

fn counted(n: u64, one: &str, many: &str) -> String {
    DIGITS.counted(n, if n == 1 { one } else { many })
}
