"""Italian."""

from c2ser.cot.templates import Pattern, compile_cues, compile_stems

PROMPT_EXPLICIT = "Descrivi lo stile del parlato, il contenuto e lo stato emotivo di chi parla in questo audio."
PROMPT_IMPLICIT = (
    "Considera lo stile del parlato e il contenuto e indica direttamente l'emozione di chi parla in questo audio."
)

ANSWER_LEAD = "Emozione:"
FULL_STOP = "."
SPACE = " "
QUOTES = ("«", "»")
COMMA, AND = ", ", " e "

STYLE = {
    "speed": {
        "low": ("lentamente", "a ritmo lento"),
        "medium": ("a velocità normale", "a ritmo moderato"),
        "high": ("velocemente", "a ritmo rapido"),
    },
    "pitch": {
        "low": ("con tono basso", "con voce grave"),
        "medium": ("con tono medio", "con voce di altezza media"),
        "high": ("con tono alto", "con voce acuta"),
    },
    "volume": {
        "low": ("a basso volume", "a volume ridotto"),
        "medium": ("a volume medio", "a volume moderato"),
        "high": ("ad alto volume", "a volume elevato"),
    },
}

_SPEED, _PITCH = "(?:velocità|ritmo|andatura)", "(?:tono|intonazione|registro|timbro)"
CUES = compile_cues({
    "speed": {
        "low": rf"\blentamente\b|\b{_SPEED} (?:lent[oa]|bass[oa]|ridott[oa])\b|\blent[oa] {_SPEED}\b",
        "medium": rf"\b{_SPEED} (?:normale|moderat[oa]|medi[oa]|regolare)\b",
        "high": rf"\bvelocemente\b|\brapidamente\b|\b{_SPEED} (?:veloce|rapid[oa]|sostenut[oa]|elevat[oa])\b",
    },
    "pitch": {
        "low": rf"\b{_PITCH} (?:bass[oa]|grave)\b|\bvoce (?:bassa|grave|profonda)\b",
        "medium": rf"\b{_PITCH} (?:medi[oa]|normale|moderat[oa])\b|\baltezza media\b|\bvoce media\b",
        "high": rf"\b{_PITCH} (?:alt[oa]|acut[oa]|elevat[oa])\b|\bvoce (?:acuta|alta)\b",
    },
    "volume": {
        "low": r"\bbasso volume\b|\bvolume (?:basso|ridotto|debole)\b|\bsottovoce\b|\bvoce sommessa\b",
        "medium": r"\bvolume (?:medio|moderato|normale)\b",
        "high": r"\balto volume\b|\bvolume (?:alto|elevato|forte)\b",
    },
})  # fmt: skip

OPENINGS = (
    Pattern(
        "Chi parla si esprime {style}, dicendo: {quote}",
        "Chi parla si esprime {style}.",
        "Chi parla dice: {quote}",
    ),
    Pattern(
        "La frase è pronunciata {style}: {quote}",
        "La frase è pronunciata {style}.",
        "La frase pronunciata è: {quote}",
    ),
    Pattern(
        "Parlando {style}, la persona dice: {quote}",
        "La persona parla {style}.",
        "La persona dice: {quote}",
    ),
    Pattern(
        "Si sente parlare {style}; le parole sono: {quote}",
        "Si sente parlare {style}.",
        "Le parole sono: {quote}",
    ),
)

DELIVERY = {
    "high": ("vivace", "energico"),
    "medium": ("regolare", "equilibrato"),
    "low": ("contenuto", "trattenuto"),
    "mixed": ("vario", "disuguale"),
}

INFERENCES = (
    Pattern(
        "Questo modo di parlare {delivery} e le parole lasciano intuire lo stato d'animo.",
        "Questo modo di parlare {delivery} lascia intuire lo stato d'animo.",
        "Le parole lasciano intuire lo stato d'animo.",
    ),
    Pattern(
        "Insieme a ciò che viene detto, questo stile {delivery} rivela che cosa prova chi parla.",
        "Questo stile {delivery} rivela che cosa prova chi parla.",
        "Ciò che viene detto rivela che cosa prova chi parla.",
    ),
    Pattern(
        "Sia il modo {delivery} di parlare sia il senso della frase suggeriscono il sentimento espresso.",
        "Il modo {delivery} di parlare suggerisce il sentimento espresso.",
        "Il senso della frase suggerisce il sentimento espresso.",
    ),
    Pattern(
        "Dallo stile {delivery} e dalle parole si può dedurre ciò che la persona sente.",
        "Dallo stile {delivery} si può dedurre ciò che la persona sente.",
        "Dalle parole si può dedurre ciò che la persona sente.",
    ),
)
INFERENCE_BARE = "Si può giudicare soltanto dal suono della voce."

EMOTION_STEMS = compile_stems({
    "angry": r"\brabbi(?:a|os)|\barrabbiat|\bcollera\b|\birritat",
    "disgusted": r"\bdisgust|\bribrezzo\b|\bschifo",
    "fearful": r"\bpaur(?:a|os)|\btimor[ei]\b|\bimpaurit|\bspavent",
    "happy": r"\bgioi(?:a|os)|\bfelic[ei]|\ballegr",
    "neutral": r"\bneutr",
    "sad": r"\btrist[ei]",
    "surprised": r"\bsorpres|\bstupor|\bstupit",
})  # fmt: skip

SCRIPT = "LATIN"
COMMON_WORDS = frozenset(
    "il lo la le gli un una di del della dal dallo dalle e ed è si che chi con a ad ciò questo questa sono".split()
)
