// What the page says, in the language of the browser.

const WORDS = {
  en: {
    label: "Your question",
    hint: "Enter sends, Shift and Enter begin a new line.",
    send: "Ask",
    anew: "New conversation",
    caution: "Answers are written by a machine from documents. Check what matters in the sources.",
    you: "You",
    sources: "Sources",
    page: "page {page}",
    sending: "Sending …",
    pending: "Waiting for the answer before this one …",
    queued: "Waiting …",
    place: "Place {place} in the queue …",
    soon: "Place {place} in the queue, about {seconds} s …",
    processing: "Searching and writing …",
    writing: "Writing …",
    reconnecting: "The connection was lost; connecting again …",
    cancel: "Stop",
    cancelling: "Stopping …",
    cancelled: "This answer was stopped.",
    retry: "Try again",
    left: "Questions left: {count}",
    expires: "Open until {moment}",
    gone: "This link does not work any more: it has expired or was revoked.",
    lost: "This conversation is not there any more. Ask again to begin another one.",
    "rate-limited": "Too many questions at once. Try again in {seconds} s.",
    "share-used-up": "All answers that this link gives have been used.",
    overloaded: "There is too much to do at the moment. Try again shortly.",
    conflict: "Several of your questions are not answered yet. Try again shortly.",
    "provider-unavailable": "The model did not answer. Try again in a moment.",
    "provider-error": "The model refused to answer.",
    network: "The server cannot be reached. Check your connection and try again.",
    other: "Something went wrong. Try again.",
  },
  fr: {
    label: "Votre question",
    hint: "Entrée envoie, Maj et Entrée vont à la ligne.",
    send: "Demander",
    anew: "Nouvelle conversation",
    caution: "Les réponses sont écrites par une machine à partir de documents. Vérifiez dans les sources ce qui compte.",
    you: "Vous",
    sources: "Sources",
    page: "page {page}",
    sending: "Envoi …",
    pending: "En attente de la réponse précédente …",
    queued: "En attente …",
    place: "Place {place} dans la file …",
    soon: "Place {place} dans la file, environ {seconds} s …",
    processing: "Recherche et rédaction …",
    writing: "Rédaction …",
    reconnecting: "La connexion est perdue ; nouvel essai …",
    cancel: "Arrêter",
    cancelling: "Arrêt …",
    cancelled: "Cette réponse a été arrêtée.",
    retry: "Réessayer",
    left: "Questions restantes : {count}",
    expires: "Ouvert jusqu’au {moment}",
    gone: "Ce lien ne fonctionne plus : il a expiré ou a été révoqué.",
    lost: "Cette conversation n’existe plus. Posez une question pour en commencer une autre.",
    "rate-limited": "Trop de questions à la fois. Réessayez dans {seconds} s.",
    "share-used-up": "Toutes les réponses que donne ce lien ont été utilisées.",
    overloaded: "Il y a trop à faire en ce moment. Réessayez bientôt.",
    conflict: "Plusieurs de vos questions attendent encore leur réponse. Réessayez bientôt.",
    "provider-unavailable": "Le modèle n’a pas répondu. Réessayez dans un instant.",
    "provider-error": "Le modèle a refusé de répondre.",
    network: "Le serveur est injoignable. Vérifiez votre connexion et réessayez.",
    other: "Une erreur est survenue. Réessayez.",
  },
};

export const language =
  navigator.languages.map((each) => each.slice(0, 2)).find((each) => WORDS[each]) || "en";

export function knows(word) {
  return word in WORDS[language];
}

export function say(word, values = {}) {
  return WORDS[language][word].replace(/\{(\w+)\}/g, (_all, name) => String(values[name]));
}
