"""The ways to begin that a person picks in their client: what each asks for, and by which tools."""

from collections.abc import Sequence
from typing import get_args

from clients.demarches import State
from clients.emjpm import Status
from tools.desk import Desk
from tools.prompting import Argument, Prompt, Wording
from tools.understood import demarche


async def demarches(desk: Desk) -> Sequence[str]:
    return [str(number) for number in desk.demarches]


async def tribunaux(desk: Desk) -> Sequence[str]:
    return sorted({tribunal.nom for tribunal in await desk.clients.emjpm.tribunaux()})


DEMARCHE = Argument(
    name="demarche",
    description=Wording(
        fr="Le numéro de la démarche, ou l'adresse de sa page.",
        en="The démarche's number, or the address of its page.",
    ),
    number=demarche,
    known=demarches,
)

INSTRUIRE = Prompt(
    name="instruire_demarche",
    title=Wording(fr="Instruire une démarche", en="Examine a démarche"),
    description=Wording(
        fr="Examiner un par un les dossiers d'une démarche, puis décider de chacun.",
        en="Look at the dossiers of a démarche one by one, then decide on each.",
    ),
    arguments=(
        DEMARCHE,
        Argument(
            name="etat",
            description=Wording(
                fr="L'état des dossiers à examiner ; en_instruction si rien n'est dit.",
                en="The state of the dossiers to look at; en_instruction by default.",
            ),
            default=Wording(fr="en_instruction", en="en_instruction"),
            choices=get_args(State),
        ),
    ),
    tools=(
        "get_demarche",
        "query_dossiers",
        "get_dossier",
        "start_instruction",
        "send_message",
        "accept_dossier",
        "refuse_dossier",
        "close_dossier",
    ),
    text=Wording(
        fr="""\
Aide-moi à instruire la démarche n° {demarche} de Démarches simplifiées.

1. Lis ce qu'elle demande avec get_demarche.
2. Liste ses dossiers dans l'état {etat} avec query_dossiers, les plus anciens d'abord. S'il en \
reste après la première page, dis-le-moi.
3. Prends-les un par un avec get_dossier, en ne demandant par `include` que ce qu'il faut : les \
champs, puis les fichiers, les messages ou les avis s'ils comptent. En quelques lignes : ce qui \
est demandé, ce qui manque ou ne concorde pas, ce que tu proposes et pourquoi.
4. Attends ma décision sur chacun. Alors seulement, selon le cas : start_instruction pour le \
prendre en instruction, send_message pour demander un complément, accept_dossier, refuse_dossier \
ou close_dossier. Propose-moi la motivation : l'usager la lira.""",
        en="""\
Help me examine démarche {demarche} of Démarches simplifiées.

1. Read what it asks for with get_demarche.
2. List its dossiers in the state {etat} with query_dossiers, oldest first. If more remain after \
the first page, tell me.
3. Take them one by one with get_dossier, asking through `include` only for what is needed: the \
champs, then files, messages or avis if they matter. In a few lines: what is asked for, what is \
missing or does not agree, what you suggest and why.
4. Wait for my decision on each. Only then, as the case may be: start_instruction to take it \
under instruction, send_message to ask for more, accept_dossier, refuse_dossier or \
close_dossier. Suggest the motivation to me: the applicant will read it.""",
    ),
)

DECIDER = Prompt(
    name="decider_lot",
    title=Wording(fr="Décider d'un lot de dossiers", en="Decide on a batch of dossiers"),
    description=Wording(
        fr="Prendre la même décision sur plusieurs dossiers d'une démarche, d'un seul accord.",
        en="Take one decision on several dossiers of a démarche, with a single consent.",
    ),
    arguments=(
        DEMARCHE,
        Argument(
            name="decision",
            description=Wording(
                fr="accept : accepter ; refuse : refuser ; close : classer sans suite.",
                en="accept, refuse, or close (sans suite).",
            ),
            choices=("accept", "refuse", "close"),
        ),
        Argument(
            name="criteres",
            description=Wording(
                fr="Les dossiers concernés, en quelques mots ; à convenir si rien n'est dit.",
                en="Which dossiers, in a few words; to be agreed on by default.",
            ),
            default=Wording(fr="à convenir avec moi", en="to be agreed on with me"),
        ),
    ),
    tools=("query_dossiers", "get_dossier", "decide_dossiers", "list_operations"),
    text=Wording(
        fr="""\
Je veux prendre la même décision ({decision}) sur un lot de dossiers de la démarche n° \
{demarche}, de Démarches simplifiées. Dossiers concernés : {criteres}.

1. Liste ceux qui sont en_instruction avec query_dossiers, jusqu'à la dernière page.
2. Lis avec get_dossier ce qu'il faut pour savoir lesquels sont concernés. Mets à part, en \
disant pourquoi, ceux qui méritent d'être regardés de plus près.
3. Montre-moi la liste : numéro, demandeur, raison. Propose une motivation, que les usagers \
liront. Attends que j'en convienne.
4. Appelle decide_dossiers avec dry_run, et montre-moi ce qui serait laissé de côté.
5. Appelle decide_dossiers, 300 dossiers au plus. Je décide sur une page qui s'ouvre sur ma \
machine ; quand je te le dis, refais le même appel, avec les mêmes arguments.
6. Rends compte : décidés, non décidés et pourquoi, indéterminés, qu'il faut relire un par un. \
En cas de doute, list_operations dit ce qui a été fait.""",
        en="""\
I want to take the same decision ({decision}) on a batch of dossiers of démarche {demarche}, of \
Démarches simplifiées. Which dossiers: {criteres}.

1. List those that are en_instruction with query_dossiers, to the last page.
2. Read with get_dossier what it takes to know which are concerned. Set aside, and say why, \
those that deserve a closer look.
3. Show me the list: number, demandeur, reason. Suggest a motivation, which the applicants will \
read. Wait until I agree.
4. Call decide_dossiers with dry_run, and show me what would be left out.
5. Call decide_dossiers, 300 dossiers at most. I decide on a page that opens on my machine; once \
I tell you, make the same call again, with the same arguments.
6. Report: decided, not decided and why, undetermined, which must be read again one by one. When \
in doubt, list_operations tells what was done.""",
    ),
)

IMPORTER = Prompt(
    name="importer_identites",
    title=Wording(fr="Importer des clés d'identité CEE", en="Import CEE identity keys"),
    description=Wording(
        fr="Préparer un fichier de demandes CEE, puis importer leurs clés d'identité.",
        en="Prepare a file of CEE applications, then import their identity keys.",
    ),
    arguments=(
        Argument(
            name="fichier",
            description=Wording(
                fr="Le nom du fichier, dans le dossier de GUICHET_FILES.",
                en="The file's name, in the folder of GUICHET_FILES.",
            ),
        ),
    ),
    tools=("prepare_cee_identities", "import_cee_identities", "list_operations"),
    text=Wording(
        fr="""\
Importe dans le registre de covoiturage les clés d'identité des demandes CEE du fichier {fichier}.

1. Prépare-le avec prepare_cee_identities : rien n'est envoyé. Dis-moi quelles colonnes ont été \
comprises, combien de lignes sont prêtes, combien sont écartées et pourquoi, par numéro de ligne.
2. Une clé ne s'écrit qu'une fois. S'il y a des doutes, des doublons, des accents à vérifier ou \
des dates sans fuseau, dis-le-moi, et attends que je confirme.
3. Importe avec import_cee_identities le fichier prêt que l'étape 1 a nommé, jamais l'original.
4. Rends compte : importées, refusées et pourquoi, incertaines. Si l'import est interrompu, refais \
le même appel avec le même fichier ; en cas de doute, list_operations dit ce qui a été fait.

Ces fichiers contiennent des noms et des téléphones : ne les ouvre pas, et ne me demande pas de \
les recopier ici.""",
        en="""\
Import into the carpooling registry the identity keys of the CEE applications of the file {fichier}.

1. Prepare it with prepare_cee_identities: nothing is sent. Tell me which columns were understood, \
how many rows are ready, how many are left out and why, by line number.
2. A key is written once. If there are doubts, duplicates, accents to check or dates without a \
timezone, tell me, and wait until I confirm.
3. Import with import_cee_identities the ready file that step 1 named, never the original one.
4. Report: imported, refused and why, uncertain. If the import is interrupted, make the same call \
again with the same file; when in doubt, list_operations tells what was done.

These files hold names and phones: do not open them, and do not ask me to copy them here.""",
    ),
)

BILAN = Prompt(
    name="bilan_mesures",
    title=Wording(fr="Bilan des mesures", en="Review of the mesures"),
    description=Wording(
        fr="Compter les mesures de protection, et voir celles d'un tribunal.",
        en="Count the protection measures, and look at those of a tribunal.",
    ),
    arguments=(
        Argument(
            name="statut",
            description=Wording(
                fr="Les mesures à compter ; en_cours si rien n'est dit.",
                en="Which mesures to count; en_cours by default.",
            ),
            default=Wording(fr="en_cours", en="en_cours"),
            choices=("all", *get_args(Status)),
        ),
        Argument(
            name="tribunal",
            description=Wording(
                fr="Un tribunal à détailler ; aucun si rien n'est dit.",
                en="A tribunal to look at; none by default.",
            ),
            default=Wording(fr="aucun", en="none"),
            known=tribunaux,
        ),
    ),
    tools=("summarize_mesures", "list_tribunaux", "list_mesures"),
    text=Wording(
        fr="""\
Fais-moi le bilan des mesures de protection du compte eMJPM (statut : {statut}).

1. Compte-les avec summarize_mesures : par statut, nature, âge et département. Donne un tableau, \
et ce qui saute aux yeux.
2. Tribunal à détailler : {tribunal}. S'il y en a un, trouve son SIRET avec list_tribunaux, puis \
ses mesures avec list_mesures, page par page jusqu'à la fin.
3. Signale ce qui demande une action : mesures en_attente, nominations anciennes, fins sans date.

Ces personnes sont protégées : ne demande pas de `details` (person, places, resources) dont la \
question n'a pas besoin, et ne cherche pas à savoir de qui il s'agit.""",
        en="""\
Review the protection measures of the eMJPM account for me (status: {statut}).

1. Count them with summarize_mesures: by status, nature, age and department. Give a table, and \
what stands out.
2. Tribunal to look at: {tribunal}. If there is one, find its SIRET with list_tribunaux, then \
its mesures with list_mesures, page by page to the end.
3. Point out what calls for action: mesures en_attente, old nominations, ends without a date.

These persons are protected: ask for no `details` (person, places, resources) that the question \
does not need, and do not try to know who they are.""",
    ),
)

VERIFIER = Prompt(
    name="verifier_attestation",
    title=Wording(fr="Vérifier une attestation de covoiturage", en="Verify a certificate"),
    description=Wording(
        fr="Dire si une attestation de covoiturage est authentique et encore valable.",
        en="Tell whether a carpooling certificate is genuine and still valid.",
    ),
    arguments=(
        Argument(
            name="attestation",
            description=Wording(
                fr="L'identifiant de l'attestation (uuid), ou son lien.",
                en="The certificate's uuid, or its link.",
            ),
        ),
    ),
    tools=("verify_certificate",),
    text=Wording(
        fr="""\
Vérifie l'attestation de covoiturage {attestation} avec verify_certificate.

Dis-moi si elle est valable ou expirée, quelle période elle couvre, et, pour le conducteur et le \
passager, combien de trajets, quelle distance et quels montants. Elle ne dit pas qui est la \
personne : c'est à moi de comparer avec ce qu'elle m'a remis. Si le registre répond que ce \
service est retiré, dis-le tel quel, sans rien conclure de l'attestation.""",
        en="""\
Verify the carpooling certificate {attestation} with verify_certificate.

Tell me whether it is valid or expired, which period it covers and, for the driver and the \
passenger, how many trips, what distance and what amounts. It does not say who the person is: \
comparing it with what they gave me is up to me. If the registry answers that this service is \
withdrawn, say so, and conclude nothing about the certificate.""",
    ),
)

PROMPTS = (INSTRUIRE, DECIDER, IMPORTER, BILAN, VERIFIER)
