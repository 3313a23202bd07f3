"""Chinese (Mandarin, simplified characters)."""

from c2ser.cot.templates import Pattern, compile_cues, compile_stems

PROMPT_EXPLICIT = "请描述这段语音的说话风格、内容以及说话者的情绪状态。"
PROMPT_IMPLICIT = "请综合考虑这段语音的说话风格和内容，直接给出说话者的情绪。"

ANSWER_LEAD = "情绪："
FULL_STOP = "。"
SPACE = ""
QUOTES = ("“", "”")
COMMA = AND = "、"

STYLE = {
    "speed": {
        "low": ("语速缓慢", "语速较慢"),
        "medium": ("语速适中", "语速中等"),
        "high": ("语速很快", "语速较快"),
    },
    "pitch": {
        "low": ("音调低沉", "语调较低"),
        "medium": ("音调适中", "语调中等"),
        "high": ("音调高昂", "语调较高"),
    },
    "volume": {
        "low": ("音量较小", "声音较轻"),
        "medium": ("音量适中", "音量中等"),
        "high": ("音量较大", "声音响亮"),
    },
}

_MEDIUM = "(?:适中|中等|正常|一般)"
CUES = compile_cues({
    "speed": {
        "low": "(?:语速|速度)(?:缓慢|较慢|偏慢|很慢|慢)|(?:缓慢|较慢)的?(?:语速|速度)|(?:慢慢|缓缓|缓慢)地",
        "medium": f"(?:语速|速度){_MEDIUM}|{_MEDIUM}的?(?:语速|速度)",
        "high": "(?:语速|速度)(?:很快|较快|偏快|急促|快)|(?:快速|较快|急促)的?(?:语速|速度)|(?:快速|急促)地",
    },
    "pitch": {
        "low": "(?:音调|语调|音高)(?:低沉|较低|偏低|很低|低)|(?:低沉|较低)的?(?:音调|语调|嗓音)",
        "medium": f"(?:音调|语调|音高){_MEDIUM}|{_MEDIUM}的?(?:音调|语调|音高)",
        "high": "(?:音调|语调|音高)(?:高昂|较高|偏高|很高|高)|(?:高昂|较高)的?(?:音调|语调|嗓音)",
    },
    "volume": {
        "low": "音量(?:较小|偏小|很小|较低|小|低)|声音(?:较轻|很轻|较小|很小)|(?:较小|较低)的?音量|(?:轻声|小声)",
        "medium": f"音量{_MEDIUM}|{_MEDIUM}的?音量",
        "high": "音量(?:较大|偏大|很大|较高|大|高)|声音(?:响亮|洪亮|很大|较大)|(?:较大|较高)的?音量|大声",
    },
})  # fmt: skip

OPENINGS = (
    Pattern(
        "说话者{style}，说道：{quote}",
        "说话者{style}。",
        "说话者说道：{quote}",
    ),
    Pattern(
        "这段语音{style}，内容是：{quote}",
        "这段语音{style}。",
        "这段语音的内容是：{quote}",
    ),
    Pattern(
        "说话人讲话时{style}，说的是：{quote}",
        "说话人讲话时{style}。",
        "说话人说的是：{quote}",
    ),
    Pattern(
        "从声音上听，说话者{style}，所说的话是：{quote}",
        "从声音上听，说话者{style}。",
        "说话者所说的话是：{quote}",
    ),
)

DELIVERY = {
    "high": ("生动", "充满活力"),
    "medium": ("平稳", "稳定"),
    "low": ("克制", "内敛"),
    "mixed": ("多变", "有起伏"),
}

INFERENCES = (
    Pattern(
        "结合这种{delivery}的表达方式和话语内容，可以推断说话者的感受。",
        "从这种{delivery}的表达方式，可以推断说话者的感受。",
        "从话语内容，可以推断说话者的感受。",
    ),
    Pattern(
        "{delivery}的语气和所说的话共同反映出说话者的心情。",
        "{delivery}的语气反映出说话者的心情。",
        "所说的话反映出说话者的心情。",
    ),
    Pattern(
        "综合{delivery}的声音表现与话语含义，能够判断其内心状态。",
        "根据{delivery}的声音表现，能够判断其内心状态。",
        "根据话语含义，能够判断其内心状态。",
    ),
    Pattern(
        "从{delivery}的说话方式以及话中的意思，能听出说话者的心境。",
        "从{delivery}的说话方式，能听出说话者的心境。",
        "从话中的意思，能听出说话者的心境。",
    ),
)
INFERENCE_BARE = "只能凭声音本身来判断说话者的感受。"

EMOTION_STEMS = compile_stems({
    "angry": "愤怒|生气|气愤|恼怒|恼火|发怒",
    "disgusted": "厌恶|反感|恶心|嫌弃",
    "fearful": "恐惧|害怕|惊恐|恐慌",
    "happy": "快乐|高兴|开心|喜悦|愉快",
    "neutral": "中性|中立|平静",
    "sad": "悲伤|难过|伤心|悲痛|忧伤",
    "surprised": "惊讶|吃惊|诧异|惊奇",
})  # fmt: skip

SCRIPT = "CJK"
COMMON_WORDS = frozenset("的 了 和 这 从 是 时 其 可以 能".split())
