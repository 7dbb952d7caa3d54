"""Places, times, weather, motions, camera moves and looks of the storybook world: ids and the words for them.

Each phrase list comes as (words used in training, words kept for the evaluation).
"""

# --- places: id -> (noun phrases for "in/on/..." use, held out, outdoors?, ground: what the floor is)
PLACES = {
    "meadow": (["in a meadow", "on the grass", "in a green field", "on a lawn"], ["in a pasture", "on the prairie"], True, "land"),
    "beach": (["on the beach", "on the sand by the sea", "on a sandy shore"], ["at the seaside", "on the coast"], True, "land"),
    "desert": (["in the desert", "among sand dunes", "in a hot desert"], ["in the sahara", "in a dry wasteland"], True, "land"),
    "snow": (["in the snow", "on a snowy field", "in a winter landscape"], ["in the arctic", "on a frozen plain"], True, "land"),
    "city": (["in the city", "on a city street", "in front of skyscrapers"], ["downtown", "in a metropolis"], True, "land"),
    "village": (["in a village", "in front of little houses", "on a village street"], ["in a small town", "in a hamlet"], True, "land"),
    "forest": (["in the forest", "among pine trees", "in a pine forest"], ["in the woods", "in a woodland"], True, "land"),
    "mountains": (["in the mountains", "below mountain peaks", "in the alps"], ["in the highlands", "below snowy summits"], True, "land"),
    "farm": (["on a farm", "in front of a red barn", "in a farmyard"], ["on a ranch", "in the countryside by a barn"], True, "land"),
    "castle": (["in front of a castle", "by the castle", "below castle towers"], ["outside a fortress", "by the palace"], True, "land"),
    "lake": (["on a lake", "on the water", "on a blue lake"], ["on a pond", "on the sea"], True, "water"),
    "space": (["in space", "in outer space", "on the moon among the stars"], ["in the cosmos", "in the galaxy"], False, "moon"),
    "underwater": (["under water", "on the sea floor", "in the deep ocean"], ["beneath the waves", "at the bottom of the sea"], False, "sea"),
    "room": (["in a room", "in a living room", "inside a house"], ["at home", "in a lounge"], False, "land"),
}
TIMES = {
    "day": (["during the day", "on a sunny day", "in daylight", "in the afternoon"], ["at noon", "at midday"]),
    "dawn": (["at dawn", "at sunrise", "in the early morning", "in the morning mist"], ["at daybreak", "at first light"]),
    "sunset": (["at sunset", "in the evening", "in golden light"], ["at dusk", "as the sun goes down"]),
    "night": (["at night", "in the moonlight", "under a starry sky"], ["at midnight", "after dark"]),
}
WEATHERS = {
    "clear": (["under a clear sky", "in fine weather"], ["in clear weather"]),
    "cloudy": (["under grey clouds", "on a cloudy day", "under an overcast sky"], ["in gloomy weather", "under a dull sky"]),
    "rain": (["in the rain", "while it rains", "in rainy weather"], ["in a downpour", "in a rain shower"]),
    "snowfall": (["while it is snowing", "as snow falls", "in falling snow"], ["in a blizzard", "in a flurry of snowflakes"]),
    "fog": (["in the fog", "in thick fog", "in misty weather"], ["in the haze", "shrouded in mist"]),
}
CAMERAS = {
    "static": (["static camera", "fixed camera", "the camera stays still"], ["locked-off shot"]),
    "pan_left": (["the camera pans left", "camera pan to the left", "panning left"], ["the camera sweeps to the left"]),
    "pan_right": (["the camera pans right", "camera pan to the right", "panning right"], ["the camera sweeps to the right"]),
    "zoom_in": (["the camera zooms in", "slow zoom in", "zooming in"], ["the camera moves closer"]),
    "zoom_out": (["the camera zooms out", "slow zoom out", "zooming out"], ["the camera pulls back"]),
    "tilt_up": (["the camera tilts up", "camera tilt upwards", "tilting up"], ["the camera looks up to the sky"]),
    "tilt_down": (["the camera tilts down", "camera tilt downwards", "tilting down"], ["the camera looks down to the ground"]),
}
LOOKS = {
    "flat": (["flat illustration", "storybook style", "cartoon style"], ["picture book art"]),
    "bw": (["black and white", "monochrome", "in greyscale"], ["old silent film"]),
    "sepia": (["sepia", "in sepia tones", "old brown photograph"], ["vintage photo"]),
    "pixel": (["pixel art", "8-bit style", "retro pixel graphics"], ["retro video game"]),
    "pencil": (["pencil sketch", "pencil drawing", "line drawing"], ["graphite sketch"]),
    "neon": (["neon", "neon style", "glowing neon lines"], ["neon sign"]),
    "watercolour": (["watercolour", "soft watercolor painting", "painted in watercolours"], ["aquarelle"]),
    "comic": (["comic book style", "comic with thick outlines", "inked comic"], ["graphic novel"]),
}
LOOK_WEIGHTS = {"flat": 0.58, "bw": 0.06, "sepia": 0.06, "pixel": 0.06, "pencil": 0.06, "neon": 0.06, "watercolour": 0.06, "comic": 0.06}

# --- motions: id -> (verbs by kind, "*" = any; held out).  Verbs are infinitives; captions.py inflects the first word.
SIDEWAYS = {
    "walker": (["walk", "run", "march", "hurry"], ["stroll", "jog", "stride"]),
    "vehicle": (["drive", "ride", "roll along"], ["cruise", "speed"]),
    "flyer": (["fly", "glide", "soar"], ["float along", "hover"]),
    "swimmer": (["swim", "glide"], ["paddle"]),
    "boat": (["sail", "float", "glide"], ["cruise", "drift"]),
    "ball": (["roll", "roll along"], ["tumble along"]),
    "thing": (["slide", "move"], ["slip along"]),
}
SIDES = {"left": (["left", "to the left", "from right to left"], ["leftwards"]), "right": (["right", "to the right", "from left to right"], ["rightwards"])}
MOTIONS = {
    "still": (["stand still", "rest", "stay still", "wait"], ["pause", "remain in place"]),
    "left": None,
    "right": None,
    "jump": (["jump", "jump up and down", "hop up and down"], ["leap", "leap into the air"]),
    "bounce": (["bounce", "bounce on the ground", "bounce up and down"], ["spring up and down", "rebound"]),
    "fall": (["fall down", "fall from the sky", "drop down"], ["plunge", "plummet"]),
    "rise": (["float up", "rise", "rise into the air"], ["ascend", "lift off"]),
    "grow": (["grow", "get bigger", "grow larger"], ["enlarge", "swell up"]),
    "shrink": (["shrink", "get smaller", "grow smaller"], ["dwindle", "become tiny"]),
    "spin": (["spin", "spin around", "rotate"], ["twirl", "whirl around"]),
    "shake": (["shake", "tremble", "shiver"], ["wobble", "quiver"]),
    "circle": (["move in a circle", "circle around", "fly in circles"], ["loop around", "go round and round"]),
    "flip": (["do a somersault", "do a flip", "jump and flip over"], ["do a backflip", "tumble through the air"]),
    "dance": (["dance", "sway and dance", "dance happily"], ["boogie", "groove to the music"]),
}
KIND_MOTIONS = {
    "walker": ["still", "left", "left", "right", "right", "jump", "jump", "spin", "shake", "grow", "shrink", "flip", "dance", "dance"],
    "vehicle": ["still", "left", "left", "left", "right", "right", "right", "shake", "jump", "grow", "shrink"],
    "flyer": ["left", "left", "right", "right", "rise", "rise", "fall", "circle", "circle", "shake", "grow", "shrink", "spin"],
    "swimmer": ["left", "left", "right", "right", "rise", "circle", "circle", "jump", "shake", "spin"],
    "boat": ["still", "left", "left", "right", "right", "shake", "grow", "shrink"],
    "ball": ["bounce", "bounce", "bounce", "fall", "left", "right", "spin", "jump"],
    "thing": ["still", "bounce", "bounce", "fall", "fall", "rise", "grow", "shrink", "spin", "shake", "dance", "flip"],
}
SIZES = {"small": (["small", "tiny", "little"], ["miniature"]), "normal": ([], []), "large": (["big", "large", "huge"], ["giant", "enormous"])}
# Relations between the first and the second subject.
RELATIONS = {
    "left_of": (["to the left of", "left of", "on the left of"], ["at the left side of"]),
    "right_of": (["to the right of", "right of", "on the right of"], ["at the right side of"]),
    "behind": (["behind"], ["in back of"]),
    "above": (["above", "over"], ["higher than"]),
    "chasing": (["chasing", "running after", "following"], ["pursuing"]),
    "riding": (["riding", "riding on", "on top of"], ["mounted on"]),
    "beside": (["next to", "beside", "and"], ["alongside"]),
}
COUNT_WORDS = {2: ["two", "two", "a pair of"], 3: ["three", "three"]}

PLACE_IDS, TIME_IDS, WEATHER_IDS, CAMERA_IDS = list(PLACES), list(TIMES), list(WEATHERS), list(CAMERAS)
LOOK_IDS, MOTION_IDS, RELATION_IDS, SIZE_IDS = list(LOOKS), list(MOTIONS), list(RELATIONS), list(SIZES)
