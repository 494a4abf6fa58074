"""The words every name and description of the world is made of."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODIFIERS = _words(
    """
    amber ashen autumn backward bashful blithe borrowed brassy brindled candid cedar chalky
    clockless cobalt copper cordial crooked dappled distant drowsy dusky earnest eastward errant
    fabled feathered flinty folded forgotten frosted gentle gilded glassy grainy hazel hidden
    hollow humming idle indigo inky jagged keen lacquered latent leaden lilac limber lofty
    lopsided lunar mellow misty mossy muffled nimble northern oaken oblique opal paper patient
    pebbled placid quiet ragged rambling restless rusty salted scarlet sideways silver slanted
    sleepless sober southern spare tidal tinned umber unhurried velvet vivid wandering
    waxen woven
    """
)

NOUNS = _words(
    """
    abacus almanac anchor anvil aqueduct atlas attic awning balcony barometer basin beacon bellows
    bobbin bookend bramble bridle bucket buoy cabinet candle caravan cellar chisel cistern
    compass corridor cupboard dovecote driftwood drum easel ember estuary ferry filament flagstone
    funnel gable gazebo girder glacier granary hammock harbour hedgerow hinge inkwell isthmus
    kettle keystone ladder lantern lighthouse loom marble meadow mill monsoon nettle orchard
    paddle pantry parasol pendulum pier plinth quarry rafter reservoir rudder saddle satchel
    sextant shutter spindle staircase sundial teapot thicket thimble tollgate trellis turnstile
    viaduct weathervane windowsill
    """
)

COINED = _words(
    """
    Abbercombe Aldervane Arnquist Belloway Birchmere Bramwith Brockenfell Calderbeck Carrowmede
    Coldwharf Corvell Craddenby Dellingay Dorvane Dunmarrow Eastrelle Elderquay Emberly Fallowick
    Farrowdene Fennimarsh Galloquin Garrowby Glimmerford Greyshaw Halloran Harrowquay Hollinmere
    Ibbertoft Inglemoor Jarrowfen Jessamere Kelderwick Kestrelby Kirrendale Lackenthwaite Larkholt
    Lindenquay Lorrimer Marlowick Merrowdale Mossingham Narrowmere Netherwick Norrinby Oakenshade
    Oddermouth Orlingay Pellowick Penderquay Pinfold Quarrenby Quillmere Quinnoway Rathermoor
    Redferrow Rillington Ruddermere Sallowick Sedgequay Silverholt Sorrelby Tamberlyn Tarnwick
    Thistlequay Tollermere Ullerby Underquill Upperfen Vallowdene Varrowby Vennimore Wallowfen
    Wetherquay Willowick Winterby Wyndermoss Yarrowick Yellandby Yonderfell Zellaquay Zephyrine
    Zinnowold
    """
)

FORMATS = (
    "hour",
    "letters",
    "notebook",
    "files",
    "radio",
    "almanack",
    "sessions",
    "dispatch",
    "club",
    "question",
    "workshop",
    "diaries",
    "report",
    "tapes",
    "evenings",
    "company",
)

GIVEN_NAMES = _words(
    """
    Aveline Bastian Corisande Dorrit Edda Florian Gwendal Hedda Ivo Jorun Kasimir Linnea Marek
    Nuala Orla Peregrine Quirin Rosalind Severin Tamsin Ulrike Valentin Wilhelmina Xanthe Yannick
    Zelda
    """
)

FAMILY_WORDS = COINED

LANGUAGES = ("en", "en", "en", "en", "en", "en", "en", "de", "fr", "es")

SENTENCES = (
    "This time we look at what a {modifier} {noun} can teach about patience.",
    "A walk from {coined} to {other}, with a {modifier} map and no plan.",
    "Two guests disagree about the {noun}, and one of them changes her mind.",
    "We open the {modifier} {noun} and find more questions than we came with.",
    "A listener in {coined} asks why nobody repairs a {noun} any more.",
    "The story of the {modifier} {noun} that nearly sank {coined}.",
    "Part of a series about ordinary things: today, the {noun}.",
    "Recorded beside the {noun} at {coined}, in rather {modifier} weather.",
    "We read your letters, most of them about the {modifier} {noun}.",
    "How {coined} lost its {noun}, and what {other} did with it.",
    "An hour with a maker of {modifier} things, from {noun} to teaspoon.",
    "Nothing about this {noun} is as {modifier} as it seems.",
)

DEVICES = (
    "Kitchen speaker",
    "Phone",
    "Old phone",
    "Laptop",
    "Car",
    "Headphones",
    "Living room",
)
