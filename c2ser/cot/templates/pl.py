"""Polish."""

from c2ser.cot.templates import Pattern, compile_cues, compile_stems

PROMPT_EXPLICIT = "Opisz sposób mówienia, treść wypowiedzi oraz stan emocjonalny osoby mówiącej w tym nagraniu."
PROMPT_IMPLICIT = "Weź pod uwagę sposób mówienia oraz treść i podaj od razu emocję osoby mówiącej w tym nagraniu."

ANSWER_LEAD = "Emocja:"
FULL_STOP = "."
SPACE = " "
QUOTES = ("„", "”")
COMMA, AND = ", ", " i "

STYLE = {
    "speed": {
        "low": ("powoli", "w wolnym tempie"),
        "medium": ("w umiarkowanym tempie", "w normalnym tempie"),
        "high": ("szybko", "w szybkim tempie"),
    },
    "pitch": {
        "low": ("niskim głosem", "niskim tonem"),
        "medium": ("głosem o średniej wysokości", "tonem o średniej wysokości"),
        "high": ("wysokim głosem", "wysokim tonem"),
    },
    "volume": {
        "low": ("cicho", "z niewielką głośnością"),
        "medium": ("z umiarkowaną głośnością", "ze średnią głośnością"),
        "high": ("głośno", "z dużą głośnością"),
    },
}

_PACE, _VOICE = "(?:tempie|tempem|tempo|tempa)", "(?:głos|głosem|głosu|ton|tonem|tonu)"
CUES = compile_cues({
    "speed": {
        "low": rf"\bpowoli\b|\bwolno\b|\b(?:woln|powoln)(?:ym|e|ego) {_PACE}\b",
        "medium": rf"\b(?:umiarkowan|normaln|średni|zwykł)(?:ym|im|e|ego|iego) {_PACE}\b",
        "high": rf"\bszybko\b|\bpospiesznie\b|\bszybki(?:m|e|ego) {_PACE}\b",
    },
    "pitch": {
        "low": rf"\b(?:niski|głęboki)(?:m|ego)? {_VOICE}\b",
        "medium": r"\bśredniej wysokości\b|\bumiarkowanej wysokości\b",
        "high": rf"\bwysoki(?:m|ego)? {_VOICE}\b",
    },
    "volume": {
        "low": r"\bcicho\b|\bpo cichu\b|\bcichym głosem\b|\b(?:niewielką|małą|niską) głośnością\b",
        "medium": r"\b(?:umiarkowaną|średnią|normalną) głośnością\b|\bumiarkowanie głośno\b",
        "high": r"(?<!umiarkowanie )\bgłośno\b|\b(?:głośnym|podniesionym) głosem\b|\b(?:dużą|wysoką) głośnością\b",
    },
})  # fmt: skip

OPENINGS = (
    Pattern(
        "Osoba mówi {style}: {quote}",
        "Osoba mówi {style}.",
        "Osoba mówi: {quote}",
    ),
    Pattern(
        "Mówiąc {style}, osoba wypowiada słowa: {quote}",
        "Osoba wypowiada się {style}.",
        "Osoba wypowiada słowa: {quote}",
    ),
    Pattern(
        "Na nagraniu ktoś mówi {style}: {quote}",
        "Na nagraniu ktoś mówi {style}.",
        "Na nagraniu ktoś mówi: {quote}",
    ),
    Pattern(
        "Wypowiedziano to {style}, a słowa brzmią: {quote}",
        "Wypowiedziano to {style}.",
        "Słowa wypowiedzi brzmią: {quote}",
    ),
)

DELIVERY = {
    "high": ("żywy", "energiczny"),
    "medium": ("wyważony", "równomierny"),
    "low": ("powściągliwy", "stonowany"),
    "mixed": ("niejednolity", "zróżnicowany"),
}

INFERENCES = (
    Pattern(
        "Ten {delivery} sposób mówienia i same słowa wskazują, co czuje ta osoba.",
        "Ten {delivery} sposób mówienia wskazuje, co czuje ta osoba.",
        "Słowa wskazują, co czuje ta osoba.",
    ),
    Pattern(
        "Taki {delivery} styl wypowiedzi w połączeniu z treścią zdradza stan ducha.",
        "Taki {delivery} styl wypowiedzi zdradza stan ducha.",
        "Treść wypowiedzi zdradza stan ducha.",
    ),
    Pattern(
        "Zarówno {delivery} sposób mówienia, jak i treść pozwalają odczytać uczucie.",
        "Ten {delivery} sposób mówienia pozwala odczytać uczucie.",
        "Treść wypowiedzi pozwala odczytać uczucie.",
    ),
    Pattern(
        "O tym, co przeżywa ta osoba, świadczą {delivery} styl mówienia oraz słowa.",
        "O tym, co przeżywa ta osoba, świadczy {delivery} styl mówienia.",
        "O tym, co przeżywa ta osoba, świadczą słowa.",
    ),
)
INFERENCE_BARE = "Można tu sądzić tylko na podstawie brzmienia głosu."

EMOTION_STEMS = compile_stems({
    "angry": r"\bzłoś|\bzły\b|\bzła\b|\bgniew|\bwściek|\brozzłoszcz",
    "disgusted": r"\bwstręt|\bobrzydz|\bodraz",
    "fearful": r"\bstrach|\blęk|\bprzestrasz|\bprzeraż|\bboi się\b",
    "happy": r"\brado[śs]|\bszczęśliw|\bszczęści|\bwesoł",
    "neutral": r"\bneutraln|\bobojętn",
    "sad": r"\bsmut",
    "surprised": r"\bzaskocz|\bzdziw|\bzdumi",
})  # fmt: skip

SCRIPT = "LATIN"
COMMON_WORDS = frozenset(
    "i w z ze na o po się to ta ten tym jest jak co oraz a ktoś taki tu tylko osoba mówi mówiąc słowa treść".split()
)
