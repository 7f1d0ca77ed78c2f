//! French.

use super::digits::{Digits, NARROW_BLANK};
use super::{Errors, Listing, Titles, Words};

const DIGITS: Digits = Digits { separator: NARROW_BLANK, len_min: 4 };

/// French. In front of a colon stands a blank at which no line ends.
pub(super) static FRENCH: Words = Words {
    tag: "fr",
    titles: Titles {
        bad_request: "Requête incorrecte",
        unauthorized: "Authentification requise",
        payment_required: "Paiement requis",
        forbidden: "Accès interdit",
        not_found: "Introuvable",
        method_not_allowed: "Méthode non autorisée",
        not_acceptable: "Non acceptable",
        proxy_authentication_required: "Authentification auprès du proxy requise",
        request_timeout: "Délai de la requête dépassé",
        conflict: "Conflit",
        gone: "N’est plus disponible",
        length_required: "Longueur requise",
        precondition_failed: "Précondition non remplie",
        content_too_large: "Contenu trop volumineux",
        uri_too_long: "Adresse trop longue",
        unsupported_media_type: "Type de média non pris en charge",
        range_not_satisfiable: "Plage non disponible",
        expectation_failed: "Attente non satisfaite",
        misdirected_request: "Requête mal dirigée",
        unprocessable_content: "Contenu impossible à traiter",
        locked: "Verrouillé",
        failed_dependency: "Échec d’une dépendance",
        too_early: "Trop tôt",
        upgrade_required: "Changement de protocole requis",
        precondition_required: "Précondition requise",
        too_many_requests: "Trop de requêtes",
        request_header_fields_too_large: "Champs d’en-tête de la requête trop volumineux",
        unavailable_for_legal_reasons: "Indisponible pour des raisons juridiques",
        internal_server_error: "Erreur interne du serveur",
        not_implemented: "Non implémenté",
        bad_gateway: "Passerelle défectueuse",
        service_unavailable: "Service indisponible",
        gateway_timeout: "Délai de la passerelle dépassé",
        http_version_not_supported: "Version de HTTP non prise en charge",
        variant_also_negotiates: "La variante choisie négocie elle-même",
        insufficient_storage: "Espace de stockage insuffisant",
        loop_detected: "Boucle détectée",
        network_authentication_required: "Authentification réseau requise",
    },
    errors: Errors {
        path_unusable: "Le chemin de cette adresse n’est pas valable\u{a0}: il contient une barre \
            oblique encodée, un caractère de contrôle ou une séquence d’échappement incomplète, ou \
            il remonte au-delà du répertoire racine.",
        login_needed: "L’accès nécessite un nom d’utilisateur et un mot de passe.",
        not_readable: "La lecture de cette ressource n’est pas autorisée.",
        address_refused: "L’accès depuis votre adresse n’est pas autorisé.",
        cross_site: "Cette requête provient d’une page d’un autre site et a été refusée pour votre \
            protection.",
        certificate_needed: "L’accès nécessite un certificat client.",
        origin_refused: |origin| {
            format!("Les pages de {origin} ne peuvent pas envoyer cette requête.")
        },
        nothing_here: "Il n’y a rien à cette adresse.",
        method_refused: |method| format!("La méthode {method} n’est pas autorisée ici."),
        nothing_acceptable: "Aucune des versions disponibles ne correspond à ce que la requête \
            accepte.",
        alternatives: "Versions disponibles\u{a0}:",
        no_coding_acceptable: |codings| {
            format!("La requête n’accepte aucun des encodages disponibles\u{a0}: {codings}.")
        },
        not_as_expected: "Ce n’est pas la version que la requête attend.",
        body_too_long: |max| {
            format!("Le contenu d’une requête ne peut pas dépasser {} ici.", bytes(max))
        },
        range_outside: |len| {
            let len = bytes(len);
            format!(
                "La plage demandée se trouve en dehors du fichier, dont la taille est de {len}."
            )
        },
        no_such_site: "Ce serveur n’héberge aucun site de ce nom.",
        other_site: "Cette connexion a été établie avec un site portant un autre nom.",
        too_many_requests: |seconds| {
            let wait = counted(seconds, "seconde", "secondes");
            format!(
                "Vous avez envoyé trop de requêtes en peu de temps. Veuillez réessayer dans {wait}."
            )
        },
        unreadable: "Le serveur n’a pas pu lire cette ressource.",
        rewrites_go_round: "Les règles de réécriture du serveur forment une boucle.",
        method_unknown: "Ce serveur ne connaît pas la méthode de la requête.",
        exhausted: "Le serveur est très sollicité. Veuillez réessayer dans un instant.",
        too_many_at_once: "Trop de requêtes sont en cours pour cette ressource. Veuillez réessayer \
            dans un instant.",
        too_many_logins: "Trop de mots de passe sont en cours de vérification. Veuillez réessayer \
            dans un instant.",
    },
    listing: Listing {
        heading: "Contenu de ",
        way: "Fil d’Ariane",
        top: "Répertoire racine",
        parent: "Répertoire parent",
        name: "Nom",
        size: "Taille",
        modified: "Modifié",
        directories: |n| counted(n, "répertoire", "répertoires"),
        files: |n| counted(n, "fichier", "fichiers"),
        bytes,
        empty: "Ce répertoire est vide.",
        truncated: "Il y a d’autres éléments, mais une page n’en affiche pas davantage.",
    },
};

fn bytes(n: u64) -> String {
    counted(n, "octet", "octets")
}

/// The plural begins with two: nothing is singular.
fn counted(n: u64, one: &str, many: &str) -> String {
    DIGITS.counted(n, if n < 2 { one } else { many })
}
