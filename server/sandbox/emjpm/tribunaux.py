"""The 290 tribunaux that order mesures, in one list without pages, as the service has them.

Five are those of the public documentation, and the only ones that the mesures here come from. The
others have the names of real ones, and SIRETs of our own whose check digit is right.
"""

import unicodedata
from collections.abc import Iterator
from typing import TypedDict


class Tribunal(TypedDict):
    adresse: str | None
    code_postal: str
    latitude: float | None
    longitude: float | None
    nom: str
    siret: str
    ville: str


DOCUMENTED: list[Tribunal] = [
    {
        "adresse": "Allée d'Etigny",
        "code_postal": "32000",
        "latitude": 43.6534,
        "longitude": 0.57519,
        "nom": "Tribunal judiciaire d'Auch",
        "siret": "17470111000044",
        "ville": "AUCH",
    },
    {
        "adresse": "Place Lamartine",
        "code_postal": "62400",
        "latitude": 50.5289,
        "longitude": 2.64242,
        "nom": "Tribunal judiciaire de Béthune",
        "siret": "17590111500055",
        "ville": "BETHUNE",
    },
    {
        "adresse": "23 Place Bonnyaud",
        "code_postal": "23000",
        "latitude": 46.1632,
        "longitude": 1.87079,
        "nom": "Tribunal judiciaire de Guéret",
        "siret": "17870111600026",
        "ville": "GUERET",
    },
    {
        "adresse": "Place Myron Herrick",
        "code_postal": "51100",
        "latitude": 49.2515,
        "longitude": 4.04023,
        "nom": "Tribunal judiciaire de Reims",
        "siret": "17510111200043",
        "ville": "REIMS",
    },
    {
        "adresse": None,
        "code_postal": "98600",
        "latitude": 48.8534,
        "longitude": 2.3488,
        "nom": "Tribunal de Première Instance de Mata-Utu",
        "siret": "13000313000049",
        "ville": "UVEA",
    },
]
"""As the public documentation lists them, coordinates included."""

JUDICIAIRES = """
01000 Bourg-en-Bresse; 02000 Laon; 02100 Saint-Quentin; 02200 Soissons; 03000 Moulins; 03300
Cusset; 03100 Montluçon; 04000 Digne-les-Bains; 05000 Gap; 06000 Nice; 06130 Grasse; 07000
Privas; 08000 Charleville-Mézières; 09000 Foix; 10000 Troyes; 11000 Carcassonne; 11100 Narbonne;
12000 Rodez; 13001 Marseille; 13100 Aix-en-Provence; 13150 Tarascon; 14000 Caen; 14100 Lisieux;
15000 Aurillac; 16000 Angoulême; 17000 La Rochelle; 17100 Saintes; 18000 Bourges; 19100
Brive-la-Gaillarde; 19000 Tulle; 20000 Ajaccio; 20200 Bastia; 21000 Dijon; 22000 Saint-Brieuc;
24000 Périgueux; 24100 Bergerac; 25000 Besançon; 25200 Montbéliard; 26000 Valence; 27000 Évreux;
28000 Chartres; 29000 Quimper; 29200 Brest; 30000 Nîmes; 30100 Alès; 31000 Toulouse; 31800
Saint-Gaudens; 33000 Bordeaux; 33500 Libourne; 34000 Montpellier; 34500 Béziers; 35000 Rennes;
35400 Saint-Malo; 36000 Châteauroux; 37000 Tours; 38000 Grenoble; 38200 Vienne; 38300
Bourgoin-Jallieu; 39000 Lons-le-Saunier; 40000 Mont-de-Marsan; 40100 Dax; 41000 Blois; 42000
Saint-Étienne; 42300 Roanne; 43000 Le Puy-en-Velay; 44000 Nantes; 44600 Saint-Nazaire; 45000
Orléans; 45200 Montargis; 46000 Cahors; 47000 Agen; 48000 Mende; 49000 Angers; 50200 Coutances;
50100 Cherbourg-en-Cotentin; 51000 Châlons-en-Champagne; 52000 Chaumont; 53000 Laval; 54000
Nancy; 54150 Val-de-Briey; 55000 Bar-le-Duc; 55100 Verdun; 56000 Vannes; 56100 Lorient; 57000
Metz; 57100 Thionville; 57200 Sarreguemines; 58000 Nevers; 59000 Lille; 59140 Dunkerque; 59300
Valenciennes; 59500 Douai; 59400 Cambrai; 59440 Avesnes-sur-Helpe; 60000 Beauvais; 60200
Compiègne; 60300 Senlis; 61000 Alençon; 61200 Argentan; 62000 Arras; 62200 Boulogne-sur-Mer;
62500 Saint-Omer; 63000 Clermont-Ferrand; 63300 Thiers; 64000 Pau; 64100 Bayonne; 65000 Tarbes;
66000 Perpignan; 67000 Strasbourg; 67700 Saverne; 68000 Colmar; 68100 Mulhouse; 69003 Lyon;
69400 Villefranche-sur-Saône; 70000 Vesoul; 71000 Mâcon; 71100 Chalon-sur-Saône; 72000 Le Mans;
73000 Chambéry; 73200 Albertville; 74000 Annecy; 74130 Bonneville; 74200 Thonon-les-Bains; 75017
Paris; 76000 Rouen; 76200 Dieppe; 76600 Le Havre; 77000 Melun; 77100 Meaux; 77300 Fontainebleau;
78000 Versailles; 79000 Niort; 80000 Amiens; 81000 Albi; 81100 Castres; 82000 Montauban; 83000
Toulon; 83300 Draguignan; 84000 Avignon; 84200 Carpentras; 85000 La Roche-sur-Yon; 85100 Les
Sables-d'Olonne; 86000 Poitiers; 87000 Limoges; 88000 Épinal; 89000 Auxerre; 89100 Sens; 90000
Belfort; 91000 Évry-Courcouronnes; 92000 Nanterre; 93000 Bobigny; 94000 Créteil; 95300 Pontoise;
97100 Basse-Terre; 97110 Pointe-à-Pitre; 97200 Fort-de-France; 97300 Cayenne; 97400
Saint-Denis-de-La-Réunion; 97410 Saint-Pierre; 97600 Mamoudzou
"""
DE_PROXIMITE = """
01300 Belley; 01130 Nantua; 01600 Trévoux; 02400 Château-Thierry; 04100 Manosque; 06400 Cannes;
06160 Antibes; 06800 Cagnes-sur-Mer; 06500 Menton; 07100 Annonay; 07200 Aubenas; 08200 Sedan;
09200 Saint-Girons; 12100 Millau; 13400 Aubagne; 13500 Martigues; 13300 Salon-de-Provence; 14500
Vire; 16100 Cognac; 17300 Rochefort; 17500 Jonzac; 18200 Saint-Amand-Montrond; 20100 Sartène;
21200 Beaune; 21500 Montbard; 22100 Dinan; 22200 Guingamp; 24200 Sarlat-la-Canéda; 25300
Pontarlier; 26200 Montélimar; 26100 Romans-sur-Isère; 27700 Les Andelys; 27300 Bernay; 27400
Louviers; 28100 Dreux; 28200 Châteaudun; 29600 Morlaix; 30700 Uzès; 31600 Muret; 32100 Condom;
33120 Arcachon; 34200 Sète; 35300 Fougères; 35600 Redon; 39100 Dole; 39200 Saint-Claude; 41100
Vendôme; 41200 Romorantin-Lanthenay; 42600 Montbrison; 46100 Figeac; 47200 Marmande; 47300
Villeneuve-sur-Lot; 49300 Cholet; 49400 Saumur; 50300 Avranches; 51200 Épernay; 52100
Saint-Dizier; 54300 Lunéville; 56300 Pontivy; 56800 Ploërmel; 57400 Sarrebourg; 57500
Saint-Avold; 57600 Forbach; 58500 Clamecy; 58200 Cosne-Cours-sur-Loire; 59100 Roubaix; 59200
Tourcoing; 59190 Hazebrouck; 59600 Maubeuge; 61100 Flers; 61400 Mortagne-au-Perche; 62100
Calais; 62170 Montreuil-sur-Mer; 62300 Lens; 63200 Riom; 64400 Oloron-Sainte-Marie; 66400 Céret;
66500 Prades; 67300 Schiltigheim; 67500 Haguenau; 67600 Sélestat; 67120 Molsheim; 67400
Illkirch-Graffenstaden; 68500 Guebwiller; 68800 Thann; 69100 Villeurbanne; 70200 Lure; 70100
Gray; 72200 La Flèche; 74100 Annemasse; 77160 Provins; 77170 Lagny-sur-Marne; 78100
Saint-Germain-en-Laye; 78200 Mantes-la-Jolie; 78120 Rambouillet; 78300 Poissy; 79300 Bressuire;
80100 Abbeville; 80200 Péronne; 82100 Castelsarrasin; 83600 Fréjus; 83170 Brignoles; 84100
Orange; 84120 Pertuis; 85200 Fontenay-le-Comte; 86100 Châtellerault; 88100 Saint-Dié-des-Vosges;
91150 Étampes; 91160 Longjumeau; 91260 Juvisy-sur-Orge; 92100 Boulogne-Billancourt; 92160
Antony; 92700 Colombes; 92400 Courbevoie; 92600 Asnières-sur-Seine; 92170 Vanves; 92800 Puteaux;
93300 Aubervilliers; 93100 Montreuil; 93200 Saint-Denis; 93400 Saint-Ouen-sur-Seine; 93500
Pantin; 93600 Aulnay-sous-Bois; 93340 Le Raincy; 94100 Saint-Maur-des-Fossés
"""


def _listed(kind: str, towns: str) -> Iterator[Tribunal]:
    """The tribunaux of a kind, one for each postcode and town."""
    for town in towns.replace("\n", " ").split(";"):
        code_postal, _, name = town.strip().partition(" ")
        yield {
            "adresse": None,
            "code_postal": code_postal,
            "latitude": None,
            "longitude": None,
            "nom": f"{kind} {_of(name)}",
            "siret": _siret(code_postal, kind),
            "ville": _capitals(name),
        }


def _of(town: str) -> str:
    """Such as « de Laon », « d'Agen », « du Mans » or « des Andelys »."""
    if town.startswith(("Le ", "Les ")):
        article, _, rest = town.partition(" ")
        return f"{'du' if article == 'Le' else 'des'} {rest}"
    return f"d'{town}" if _capitals(town)[0] in "AEIOUY" else f"de {town}"


def _capitals(town: str) -> str:
    """The town as an envelope has it: without accents, hyphens or apostrophes."""
    letters = unicodedata.normalize("NFD", town).encode("ascii", "ignore").decode()
    return letters.upper().replace("-", " ").replace("'", " ")


def _siret(code_postal: str, kind: str) -> str:
    """Fourteen digits, the last of which checks the others."""
    digits = f"17{code_postal}{len(kind):06}"
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(digits))
    total = sum(value - 9 * (value > 9) for value in doubled)  # noqa: PLR2004  (two digits)
    return f"{digits}{-total % 10}"


TRIBUNAUX: list[Tribunal] = [
    *DOCUMENTED,
    *_listed("Tribunal judiciaire", JUDICIAIRES),
    *_listed("Tribunal de proximité", DE_PROXIMITE),
]
SIRETS = {tribunal["siret"] for tribunal in TRIBUNAUX}
REPLACED = {"17510111200027": "17510111200043"}
"""Former SIRETs, accepted in place of the one they became; they are not listed."""
