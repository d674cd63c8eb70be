"""TeX made MathML while a page is made, so that a browser shows it without a script and without a network.

The TeX may be a student's: what comes out is cleaned with the rest of its text (`display`), and what cannot be converted stays TeX.
"""

import html
import unicodedata
from typing import Literal
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

MAX_TEX = 2000  # characters of one formula; conversion takes 20 ms for as many, whatever they are
ALPHABETS = {"script": "SCRIPT", "double-struck": "DOUBLE-STRUCK", "fraktur": "FRAKTUR"}

# what is known of the environments that stand for it, without numbers for equations
ENVIRONMENTS = {"align": "align*", "aligned": "split", "gather": "matrix", "gather*": "matrix", "gathered": "matrix"}

TAGS = frozenset(
    ("math", "menclose", "mfrac", "mi", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow", "mspace", "msqrt")
    + ("mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover")
)
ATTRIBUTES = {
    "math": {"display"},
    "menclose": {"notation"},
    "mfrac": {"linethickness"},
    "mi": {"mathvariant"},
    "mn": {"mathvariant"},
    "mo": {"fence", "form", "lspace", "maxsize", "minsize", "movablelimits", "rspace", "separator", "stretchy"},
    "mover": {"accent"},
    "mpadded": {"height", "width"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"columnalign", "columnspacing", "displaystyle", "rowspacing"},
    "mtd": {"columnalign"},
    "mtext": {"mathvariant"},
    "munder": {"accentunder"},
}


def mathml(tex: str, display: Literal["block", "inline"] = "inline") -> str | None:
    r"""Return TeX as MathML; None where it is too long, or holds what is not known.

    Example:
        >>> mathml("x_1")
        '<math display="inline"><mrow><msub><mi>x</mi><mn>1</mn></msub></mrow></math>'
        >>> mathml(r"\unknown")
    """
    if len(tex) > MAX_TEX:
        return None
    for name, known in ENVIRONMENTS.items():
        tex = tex.replace(f"{{{name}}}", f"{{{known}}}")
    try:
        formula = convert_to_element(tex, display=display)
        for element in formula.iter():
            element.text = html.unescape(element.text) if element.text else None
            letters = ALPHABETS.get(element.attrib.get("mathvariant", ""))
            if letters and element.text:  # browsers know of these only the letters of their own, not the attribute
                element.text = "".join(_letter(letter, letters) for letter in element.text)
                del element.attrib["mathvariant"]
            if "\\" in (element.text or ""):  # a command that is not known
                return None
        formula.attrib.pop("xmlns", None)
        return ElementTree.tostring(formula, encoding="unicode")
    except Exception:  # of a library that is given anything, too deeply nested, too: half of TeX is a syntax error
        return None


def _letter(letter: str, alphabet: str) -> str:
    name = unicodedata.name(letter, "").replace("LATIN ", "").replace(" LETTER", "")
    for known in (f"MATHEMATICAL {alphabet} {name}", f"{alphabet} {name}", f"BLACK-LETTER {name}"):
        try:
            return unicodedata.lookup(known)
        except KeyError:
            continue
    return letter
