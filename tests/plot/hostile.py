"""Names that data may hold, and that no picture may trip over."""

NAMES = (
    "<script>alert(1)</script>",
    "\u202e\u05d0\u05d1\u05d2 \u0627\u0644\u0635",  # right to left, Hebrew and Arabic
    "\U0001f6d2\U0001f525",
    "x" * 300,
    "a b " * 75,
)

NOT_XML = "\x00\x01\x08\x0b\x0c\x1f\ud800\udfff\ufffe\uffff"
"""Characters that an XML document may not hold, not even escaped."""
