"""The words by which answers in each language name an emotion, and those that negate one.

A word is written with its endings in short: `neutr(o|a|i|e)` is neutro, neutra, neutri, neutre. Words of Chinese,
Japanese and Korean are found inside others, so the last two languages have stems, without what inflects; `~` in one is
a blank that may be missing. `NAMES` hold words that name the emotion. `NEARBY` hold words that only suggest it, used
where a text names none: rationales speak of a calm voice beside the emotion. Adverbs of manner ("sadly",
"tristemente") are in neither: they say how something is said, or open a sentence. Polish is the exception, since
"brzmi smutno" is how it says "sounds sad".
"""

import re

_PL = "(y|a|e|ego|ej|emu|ym|ymi|ych|ą|i)"
_PL_OSC = "(ość|ości|ością)"
_PL_NIE = "(nie|nia|niu|niem)"
_IT = "(o|a|i|e)"
_ES = "(o|a|os|as)"
_FR = "(|e|s|es)"
_DE = "(|e|en|er|es|em)"

NAMES = {
    "en": {
        "angry": "angry anger angered furious fury rage enraged outraged irate",
        "disgusted": "disgust disgusted revulsion repulsed revolted",
        "fearful": "fear fears fearful afraid scared frightened terrified fright",
        "happy": "happy happiness joy joyful joyous cheerful delighted elated",
        "neutral": "neutral neutrality",
        "sad": "sad sadness sorrow sorrowful saddened",
        "surprised": "surprise surprised astonished astonishment",
        "bored": "bored boredom",
        "calm": "calm calmness",
        "contemptuous": "contempt contemptuous",
        "excited": "excited excitement",
        "frustrated": "frustrated frustration",
        "other": "other",
        "unknown": "unknown",
    },
    "zh": {
        "angry": "愤怒 生气 发怒 恼怒 气愤 愤慨 怒气 恼火 暴怒 怒火 憤怒 生氣",
        "disgusted": "厌恶 恶心 反感 嫌弃 嫌恶 憎恶 厭惡 噁心",
        "fearful": "恐惧 害怕 惧怕 恐慌 惊恐 畏惧 惊慌 惊吓 恐懼",
        "happy": "快乐 高兴 开心 愉快 喜悦 欢乐 幸福 欣喜 快樂 高興 開心 喜悅",
        "neutral": "中性 中立",
        "sad": "悲伤 伤心 难过 悲哀 哀伤 忧伤 悲痛 悲傷 傷心 難過",
        "surprised": "惊讶 吃惊 惊奇 惊喜 诧异 震惊 驚訝 驚喜 驚奇",
        "bored": "无聊",
        "calm": "平静",
        "contemptuous": "轻蔑 蔑视 鄙视",
        "excited": "兴奋 激动",
        "frustrated": "沮丧 挫败",
        "other": "其他",
        "unknown": "未知",
    },
    "it": {
        "angry": f"rabbia collera ira arrabbiat{_IT} adirat{_IT} infuriat{_IT} furios{_IT} rabbios{_IT}",
        "disgusted": f"disgusto disgustat{_IT} schifo schifat{_IT} ribrezzo repulsione",
        "fearful": f"paura paure timore spavento terrore impaurit{_IT} spaventat{_IT} terrorizzat{_IT} pauros{_IT}",
        "happy": f"gioia felicità felic(e|i) allegria allegr{_IT} gioios{_IT} content{_IT} lieto",
        "neutral": f"neutr{_IT} neutral(e|i) neutralità",
        "sad": "tristezza trist(e|i)",
        "surprised": f"sorpresa stupore sorpres(o|i|e) stupit{_IT} sbalordit{_IT}",
    },
    "pl": {
        "angry": f"zł{_PL_OSC} zł{_PL} źli gniew(|u|em|ie) gniewn{_PL} gniewnie wściekł{_PL_OSC} wściekł{_PL} wściekli "
        f"rozzłoszczon{_PL} zezłoszczon{_PL} rozgniewan{_PL}",
        "disgusted": f"wstręt(|u|em) obrzydze{_PL_NIE} odraz(a|y|ę|ą) zniesmaczon{_PL} zdegustowan{_PL}",
        "fearful": f"strach(|u|em) lęk(|u|iem|i) przestraszon{_PL} wystraszon{_PL} przerażon{_PL} przeraże{_PL_NIE} "
        f"zalęknion{_PL}",
        "happy": f"rad{_PL_OSC} radosn{_PL} radośnie radośni szczęśliw{_PL} szczęście szczęścia szczęściem "
        f"wesoł{_PL} wesoło weseli wesoł{_PL_OSC} uradowan{_PL}",
        "neutral": f"neutraln{_PL_OSC} neutraln{_PL} neutralnie",
        "sad": f"smut(ek|ku|kiem|kowi) smutn{_PL} smutno zasmucon{_PL}",
        "surprised": f"zaskocze{_PL_NIE} zaskoczon{_PL} zdziwie{_PL_NIE} zdziwion{_PL} zdumie{_PL_NIE} zdumion{_PL}",
    },
    "de": {
        "angry": f"wut zorn ärger wütend{_DE} zornig{_DE} verärgert{_DE} ärgerlich{_DE}",
        "disgusted": f"ekel abscheu angeekelt{_DE} angewidert{_DE}",
        "fearful": f"angst furcht ängstlich{_DE} verängstigt{_DE} furchtsam{_DE}",
        "happy": f"freude glück glücklich{_DE} fröhlich{_DE} fröhlichkeit froh{_DE}",
        "neutral": f"neutral{_DE} neutralität",
        "sad": f"trauer traurigkeit traurig{_DE}",
        "surprised": f"überraschung überrascht{_DE} erstaunt{_DE} erstaunen",
    },
    "fr": {
        "angry": f"colère rage fureur furieux furieuse furieuses fâché{_FR}",
        "disgusted": f"dégoût dégoûté{_FR} écœuré{_FR}",
        "fearful": f"peur crainte effrayé{_FR} apeuré{_FR} terrifié{_FR}",
        "happy": "joie bonheur heureux heureuse heureuses joyeux joyeuse joyeuses",
        "neutral": "neutre(|s) neutralité",
        "sad": "triste(|s) tristesse",
        "surprised": f"surprise surpris{_FR} étonné{_FR} étonnement",
    },
    "es": {
        "angry": f"ira rabia enfado enojo enfadad{_ES} enojad{_ES} furios{_ES}",
        "disgusted": f"asco repugnancia asquead{_ES}",
        "fearful": f"miedo temor asustad{_ES} temeros{_ES} aterrad{_ES}",
        "happy": f"alegría felicidad feliz felices alegre(|s) content{_ES}",
        "neutral": f"neutral(|es) neutr{_ES} neutralidad",
        "sad": "tristeza triste(|s)",
        "surprised": f"sorpresa sorprendid{_ES}",
    },
    "ja": {
        "angry": "怒り 怒っ 怒る 怒ら 怒ろ 激怒 憤り 憤慨 憤怒 立腹 腹を立て 腹立たし",
        "disgusted": "嫌悪 嫌がっ 嫌がる 気持ち悪 気味悪",
        "fearful": "恐怖 恐れ 恐ろし 怖い 怖く 怖が 怖さ 怖そう 怯え おびえ",
        "happy": "喜び 喜ん 喜ぶ 喜ば 嬉し うれし 幸せ 幸福 楽し 歓喜 喜悦",
        "neutral": "中立 ニュートラル",
        "sad": "悲し 哀し かなし 悲嘆 悲哀 悲痛",
        "surprised": "驚き 驚い 驚く 驚か 驚愕 びっくり 仰天",
    },
    "ko": {
        "angry": "화남 화난 화났 화나 화내 화낸 화가~나 화가~난 화가~났 분노 성난 격노 격분",
        "disgusted": "혐오 역겨 역겹 역겨움 메스꺼",
        "fearful": "두려 두렵 공포 무서 무섭 겁먹 겁에~질",
        "happy": "기쁨 기쁘 기쁜 기뻐 기쁩 행복 즐거 즐겁 신난",
        "neutral": "중립",
        "sad": "슬픔 슬프 슬픈 슬퍼 슬픕",
        "surprised": "놀람 놀라 놀란 놀랐 놀랍 놀라움 경악",
    },
}
"""Language code → class → its words, parted by blanks. The further classes have names in English and Chinese."""

NEARBY = {
    "en": {
        "angry": "mad irritated annoyed",
        "fearful": "terror scary",
        "happy": "glad pleased",
        "neutral": "calm unemotional emotionless",
        "sad": "depressed melancholy melancholic grief",
        "surprised": "amazed shocked startled",
    },
    "zh": {
        "disgusted": "讨厌",
        "neutral": "平静 平淡 平和 冷静 平靜",
        "sad": "沮丧 失落 低落",
        "surprised": "意外",
    },
    "it": {
        "angry": f"irritat{_IT}",
        "neutral": f"calma calmo tranquill{_IT}",
        "sad": f"malinconia malinconic(o|a) addolorat{_IT}",
        "surprised": f"meraviglia meravigliat{_IT}",
    },
    "pl": {
        "angry": f"zirytowan{_PL} zdenerwowan{_PL}",
        "happy": f"zadowolon{_PL} zadowole{_PL_NIE}",
        "neutral": f"spok(ój|oju|ojem) spokojn{_PL} spokojnie obojętn{_PL}",
        "sad": f"przygnębion{_PL} przygnębie{_PL_NIE} rozpacz(|y|ą)",
    },
    "ja": {
        "angry": "苛立 いらだ イライラ いらいら",
        "disgusted": "うんざり",
        "neutral": "穏やか 落ち着い 冷静 平静 淡々",
        "sad": "落ち込 憂鬱 寂し",
    },
    "ko": {
        "angry": "짜증",
        "neutral": "평온 차분 담담 무덤덤",
        "sad": "우울 침울 서글",
        "surprised": "깜짝",
    },
}
"""Language code → class → words used only where a text holds no name; a word that names another class is not."""

NEGATORS = frozenset(
    "not no never without nor neither non cannot hardly lack lacks lacking absence than instead "
    "senza né nè mai neanche nemmeno nessun nessuna nessuno anziché invece "
    "nie bez ani nigdy żaden żadna żadne żadnej żadnego brak zamiast "
    "nicht kein keine keinen keiner keinem keines ohne weder statt anstatt "
    "pas ni sans jamais aucun aucune sin nunca jamás tampoco ningún ninguna".split()
)
"""Words that negate a class named within the next few words; English n't too."""

AFFIRMERS = frozenset(
    "only just merely doubt question solo soltanto dubbio tylko wątpienia wątpliwości nur zweifel seulement doute sólo "
    "duda".split()
)
"""A negator directly before one of these negates nothing: "not only sad", "without doubt angry"."""

CONTRASTS = frozenset("but ma bensì ale lecz tylko sondern aber mais pero sino".split())
"""Words that end the reach of a negator: "not sad but happy"."""

CHINESE_NEGATION = re.compile(
    r"(?:不(?![仅只但光单禁由断错同少时安满耐免胜已住过管论久愧外料多])|没有?(?!错)|未(?![来免知])|毫无(?!疑)|并无|并非|绝非|而非)"
    r"[^而但却\u3040-\u30ff]{0,4}$"
)
"""Matches the text before a Chinese word, within its clause, where it is negated: 不是很, 没有表现出. Kana in between are
Japanese, where 不 and 未 begin nouns."""

KOREAN_NEGATION = re.compile(r"(?:^|\s)안\s?$")
"""Matches the text before a Korean word, within its clause, where it is negated: 안 슬프다."""

LATER_NEGATION = re.compile(
    r"^[^.]{0,12}?(?:ない|なく|なかっ|なさそう|無い|無く|ません|ずに|ず$|というより|"
    r"지\s?(?:는|도|가)?\s?(?:않|못)|아니|아닌|아닙|없|보다)"
)
"""Matches the text after a Japanese or Korean word, within its clause, where it is negated: くない, ではなく, 지 않다."""

LATER_AFFIRMATION = re.compile(
    r"だけ(?:では|じゃ|で)な[くい]|のみならず|"
    r"(?:違い|かもしれ|しか|ほかなら|他なら|隠せ|隠しきれ|抑えられ|抑えきれ|"
    r"止まら|たまら|仕方が?|しかたが?|しょうが?|切|せつ|過ぎ)(?:ない|なく|ません)|"
    r"뿐만?\s?(?:이\s?)?아니|틀림\s?없|의심할?\s?(?:여지가?)?\s?없|수밖에\s?없|"
    r"(?:숨길|감출|참을|억누를)\s?수\s?없|끝이?\s?없|다름\s?(?:아니|없)"
)
"""What looks like such a negation and is none: だけでなく ("not only"), に違いない and 틀림없이 ("without doubt")."""

LATER_CONTRAST = re.compile(r"けれど|けど|のに|しかし|でも(?!な)|ものの|くて|지만|는데|그러나")
"""Where the reach of a later negation ends: 슬프지만 …"""

COORDINATION = re.compile(r"\s?(?:でも|とか|も|や|と|か|・|지도|이나|거나|도|나|과|와)\s?")
"""What joins two Japanese or Korean words that one negation covers: 怒りも悲しみもない."""


def forms(entry):
    """The words that an entry of `NAMES` or `NEARBY` stands for: "trist(e|i) ira" → {"triste", "tristi", "ira"}."""
    found = set()
    for word in entry.split():
        stem, _, endings = word.partition("(")
        found.update(stem + ending for ending in endings.removesuffix(")").split("|"))
    return found
