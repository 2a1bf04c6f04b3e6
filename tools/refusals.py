"""What a person or a model reads when nothing was changed, and what to do next."""

from tools.language import Say


def declined(say: Say) -> str:
    return say(
        fr="La personne n'a pas donné son accord : rien n'a été changé.",
        en="The person did not agree: nothing was changed.",
    )


def mistyped(say: Say) -> str:
    return say(
        fr="Ce qui a été recopié n'est pas ce que la question demandait : rien n'a été changé.",
        en="What was typed is not what the question asked for: nothing was changed.",
    )


def changed(say: Say) -> str:
    return say(
        fr="Ce que la question disait n'est plus vrai : rien n'a été changé. Refaites l'appel pour "
        "que la question soit posée à nouveau.",
        en="What the question said is no longer true: nothing was changed. Call again for the "
        "question to be put anew.",
    )


def too_late(say: Say) -> str:
    return say(
        fr="Personne n'a répondu à temps : rien n'a été changé. Refaites l'appel pour que la "
        "question soit posée à nouveau.",
        en="Nobody answered in time: nothing was changed. Call again for the question to be put "
        "anew.",
    )


def unknown(say: Say) -> str:
    return say(
        fr="Cet accord ne correspond à aucune question posée pour cet appel : rien n'a été changé. "
        "Refaites l'appel sans lui.",
        en="This consent answers no question put for this call: nothing was changed. Call again "
        "without it.",
    )


def under_way(say: Say) -> str:
    return say(
        fr="Ce même appel est en train d'être exécuté, avec l'accord de la personne : rien n'est "
        "demandé à nouveau. Attendez, puis lisez list_operations pour savoir ce qu'il en est.",
        en="This very call is being carried out, with the person's consent: nothing is asked "
        "again. Wait, then read list_operations to know what came of it.",
    )


def nobody_to_ask(say: Say) -> str:
    return say(
        fr="Ce client ne sait pas poser de question à la personne, et rien ne change sans son "
        "accord : rien n'a été changé. Utilisez un client qui gère l'« elicitation » de MCP.",
        en="This client cannot put a question to its person, and nothing changes without their "
        "consent: nothing was changed. Use a client that supports MCP elicitation.",
    )


def decide_on_page(say: Say, address: str) -> str:
    return say(
        fr=f"Une personne doit décider, sur la page qui vient de s'ouvrir sur sa machine "
        f"({address}) : rien n'a encore été changé. Dites-le-lui, puis refaites le même appel, "
        "avec les mêmes arguments, quand elle aura décidé.",
        en=f"A person must decide, on the page that just opened on their machine ({address}): "
        "nothing was changed yet. Tell them, then call again with the same arguments once they "
        "have decided.",
    )


def sign_in_to_decide(say: Say, address: str) -> str:
    return say(
        fr=f"Une personne doit décider, en s'identifiant sur la page {address} : rien n'a encore "
        "été changé. Dites-le-lui, puis refaites le même appel, avec les mêmes arguments, quand "
        "elle aura décidé.",
        en=f"A person must decide, by signing in to the page {address}: nothing was changed yet. "
        "Tell them, then call again with the same arguments once they have decided.",
    )


def no_page(say: Say) -> str:
    return say(
        fr="Cette modification se décide hors de ce client, sur une page à laquelle cette personne "
        "n'a pas accès : rien n'a été changé. Qui administre Guichet peut lui donner un mot de "
        "passe de page (guichet token create) ; un client qui gère l'« elicitation » de MCP suffit "
        "à la plupart des modifications.",
        en="This change is decided outside this client, on a page that this person cannot reach: "
        "nothing was changed. Whoever runs Guichet can give them a page password (guichet token "
        "create); a client that supports MCP elicitation is enough for most changes.",
    )


def another_decides(say: Say, address: str) -> str:
    return say(
        fr=f"Une autre personne que celle qui demande doit décider, en s'identifiant sur la page "
        f"{address} : rien n'a encore été changé. Dites à la personne de l'en prévenir, puis "
        "refaites le même appel, avec les mêmes arguments, quand l'autre aura décidé.",
        en=f"Another person than the one who asks must decide, by signing in to the page "
        f"{address}: nothing was changed yet. Tell the person to let them know, then call again "
        "with the same arguments once the other has decided.",
    )


def nobody_else(say: Say) -> str:
    return say(
        fr="Cette modification demande l'accord d'une seconde personne (GUICHET_FOUR_EYES), et "
        "personne d'autre ne peut le donner ici : rien n'a été changé. Il faut un serveur "
        "d'équipe (guichet serve --http), et quelqu'un d'autre qui ait le droit approve et un "
        "accès à la page. Voyez qui administre Guichet.",
        en="This change takes a second person's agreement (GUICHET_FOUR_EYES), and nobody else "
        "can give it here: nothing was changed. It takes a team's server (guichet serve --http), "
        "and somebody else who has the scope approve and a way in to the page. See whoever runs "
        "Guichet.",
    )
