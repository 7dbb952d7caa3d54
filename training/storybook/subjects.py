"""The actors of the storybook world, as one table.

Columns, separated by `|`:
  id        icon name in Fluent Emoji (flat)
  core      `*` for the subjects that a CPU-sized training uses (`World("core")`)
  category  animal, person, fantastic, vehicle, food, plant, thing
  kind      what it can do: walker, vehicle, flyer, swimmer, boat, ball, thing
  facing    side the drawing looks to: L, R, or `-` (front view: never mirrored)
  scale     size beside the others (1 = 0.42 of the picture's height)
  colour    its own colour word, `+` appended when it may be painted in other colours
  names     words used in training, comma separated; the first is the plain name
  unseen    words kept for the evaluation only
"""
from dataclasses import dataclass

TABLE = """
dog|*|animal|walker|L|1|orange|dog,hound,doggy|puppy
cat|*|animal|walker|L|1|orange|cat,tabby cat,kitty|kitten
rabbit|*|animal|walker|L|0.9|white|rabbit,hare|bunny
horse|*|animal|walker|L|1.2|brown|horse,stallion,mare|pony
cow|*|animal|walker|L|1.15|grey|cow,dairy cow|cattle
pig|*|animal|walker|L|1|pink|pig,hog|piglet
elephant|*|animal|walker|L|1.3|grey|elephant|pachyderm
tiger|*|animal|walker|L|1.1|orange|tiger,striped tiger|bengal tiger
giraffe|*|animal|walker|L|1.35|yellow|giraffe,tall giraffe|long-necked giraffe
ewe|*|animal|walker|L|1|grey|sheep,ewe,woolly sheep|lamb
monkey|*|animal|walker|L|1|brown|monkey,ape|chimpanzee
penguin|*|animal|walker|-|0.95|white|penguin,little penguin|emperor penguin
turtle|*|animal|walker|L|0.8|green|turtle,sea turtle|tortoise
t-rex|*|animal|walker|L|1.25|green+|dinosaur,t-rex,tyrannosaurus|tyrannosaur
duck|*|animal|walker|L|0.9|green|duck,mallard|drake
zebra|*|animal|walker|L|1.15|grey|zebra,striped zebra|zebra foal
panda|*|animal|walker|-|0.95|white|panda,panda bear|giant panda
fox|*|animal|walker|-|0.95|orange|fox,red fox|vixen
frog|*|animal|walker|-|0.85|green|frog|toad
bear|*|animal|walker|-|1|brown|bear,brown bear|grizzly
bird|*|animal|flyer|L|0.85|red+|bird,songbird|robin
butterfly|*|animal|flyer|-|0.8|orange|butterfly,monarch butterfly|moth
honeybee|*|animal|flyer|L|0.75|yellow|bee,honeybee|bumblebee
owl|*|animal|flyer|-|0.9|brown|owl,night owl|barn owl
fish|*|animal|swimmer|L|0.9|blue+|fish,little fish|goldfish
whale|*|animal|swimmer|L|1.25|blue|whale,blue whale|humpback
dolphin|*|animal|swimmer|L|1.05|blue|dolphin|porpoise
shark|*|animal|swimmer|L|1.15|grey|shark|great white
octopus|*|animal|swimmer|-|0.95|orange|octopus|cephalopod
sauropod||animal|walker|L|1.3|green|long-necked dinosaur,sauropod,brachiosaurus|brontosaurus
snail||animal|walker|L|0.7|brown|snail|slug
kangaroo||animal|walker|L|1.1|orange|kangaroo|wallaby
rooster||animal|walker|L|0.95|brown|rooster,cockerel|chicken
lion||animal|walker|-|1|orange|lion,lion with a mane|big cat
goat||animal|walker|L|1|orange|goat,billy goat|nanny goat
camel||animal|walker|L|1.2|orange|camel|dromedary
deer||animal|walker|L|1.15|orange|deer,stag|buck
llama||animal|walker|L|1.15|grey|llama|alpaca
hedgehog||animal|walker|L|0.75|brown|hedgehog|porcupine
chipmunk||animal|walker|L|0.75|orange|squirrel,chipmunk|gopher
mouse||animal|walker|L|0.7|grey|mouse|rodent
hippopotamus||animal|walker|L|1.2|grey|hippo,hippopotamus|river horse
rhinoceros||animal|walker|L|1.2|grey|rhino,rhinoceros|black rhino
gorilla||animal|walker|L|1.15|grey|gorilla|silverback
koala||animal|walker|-|0.9|grey|koala,koala bear|marsupial
bison||animal|walker|L|1.15|brown|bison|buffalo
mammoth||animal|walker|L|1.3|brown|mammoth,woolly mammoth|prehistoric elephant
poodle||animal|walker|L|0.95|grey|poodle|groomed dog
black-cat||animal|walker|L|1|purple|black cat,dark cat|witch's cat
leopard||animal|walker|L|1.1|orange|leopard,spotted leopard|cheetah
wolf||animal|walker|-|1|grey|wolf,grey wolf|husky
raccoon||animal|walker|-|0.95|grey|raccoon|trash panda
goose||animal|walker|L|0.95|brown|goose|gander
flamingo||animal|walker|L|1.1|pink|flamingo,pink flamingo|wading bird
swan||animal|swimmer|L|1|white|swan|cygnet
parrot||animal|flyer|L|0.9|pink|parrot,macaw|cockatoo
eagle||animal|flyer|L|1|brown|eagle,bald eagle|hawk
peacock||animal|walker|-|1.05|green|peacock|peafowl
baby-chick||animal|walker|L|0.7|yellow|chick,baby chick|fledgling
seal||animal|swimmer|L|1|grey|seal,sea lion|walrus
crab||animal|walker|-|0.8|red|crab,red crab|crayfish
lobster||animal|walker|-|0.9|red|lobster|crustacean
squid||animal|swimmer|-|0.95|pink|squid|cuttlefish
jellyfish||animal|swimmer|-|0.95|blue|jellyfish|medusa
tropical-fish||animal|swimmer|L|0.9|blue|tropical fish|angelfish
blowfish||animal|swimmer|L|0.85|orange|blowfish,pufferfish|puffer
lady-beetle||animal|walker|-|0.7|red|ladybug,ladybird|lady beetle
bug||animal|walker|L|0.8|green|caterpillar|larva
spider||animal|walker|-|0.8|purple|spider|tarantula
snake||animal|walker|L|0.95|green|snake,green snake|serpent
bat||animal|flyer|-|0.85|brown|bat,little bat|vampire bat
person-walking|*|person|walker|L|1.15|orange|man,boy,guy|gentleman
woman-walking|*|person|walker|L|1.15|purple|woman,girl,lady|young lady
astronaut|*|person|walker|-|1.05|white|astronaut,spaceman|cosmonaut
princess|*|person|walker|-|1.05|purple|princess,queen|duchess
santa-claus||person|walker|-|1|red|santa claus,santa,father christmas|saint nicholas
ninja||person|walker|-|1.05|purple|ninja|shinobi
police-officer||person|walker|-|1.05|blue|police officer,policeman|cop
firefighter||person|walker|-|1.05|red|firefighter,fireman|fire brigade worker
farmer||person|walker|-|1.05|green|farmer|peasant
cook||person|walker|-|1.05|white|cook,chef|kitchen chef
person-running||person|walker|L|1.15|orange|runner,jogger|sprinter
woman-dancing||person|walker|-|1.15|red|dancer,woman in a red dress|flamenco dancer
skier||person|walker|L|1.05|red|skier|ski racer
man-superhero||person|walker|-|1.05|blue|superhero,hero|caped crusader
robot|*|fantastic|walker|-|1|grey|robot,android|cyborg
snowman-without-snow|*|fantastic|walker|-|1.05|white|snowman|frosty figure
man-mage|*|fantastic|walker|-|1.1|blue|wizard,sorcerer,mage|magician
ghost|*|fantastic|flyer|-|1|white|ghost,spook|phantom
dragon|*|fantastic|flyer|L|1.25|green+|dragon|wyvern
unicorn||fantastic|walker|L|1.1|purple|unicorn,magic horse|mythical horse
person-fairy||fantastic|flyer|-|1|orange|fairy|pixie
person-genie||fantastic|flyer|-|1.05|blue|genie|djinn
man-vampire||fantastic|walker|-|1.05|purple|vampire,count dracula|nosferatu
man-zombie||fantastic|walker|-|1.05|blue|zombie|undead man
alien||fantastic|walker|-|0.95|green|alien,green alien|extraterrestrial
alien-monster||fantastic|walker|-|0.95|purple+|monster,little monster|space invader
ogre||fantastic|walker|-|1|red|ogre,demon|troll
jack-o-lantern|*|fantastic|ball|-|0.9|orange|pumpkin,halloween pumpkin|jack-o'-lantern
teddy-bear||thing|thing|-|0.95|brown|teddy bear,teddy|plush bear
automobile|*|vehicle|vehicle|L|1.05|red+|car,motor car|automobile
bus|*|vehicle|vehicle|L|1.2|yellow+|bus,school bus|coach
delivery-truck|*|vehicle|vehicle|L|1.2|yellow|truck,delivery truck|lorry
fire-engine|*|vehicle|vehicle|L|1.2|red|fire engine,fire truck|fire brigade truck
tractor|*|vehicle|vehicle|R|1.15|green+|tractor,farm tractor|farm machine
locomotive|*|vehicle|vehicle|L|1.2|grey|train,steam train,locomotive|steam engine
bicycle|*|vehicle|vehicle|R|1|red+|bicycle,bike|pushbike
airplane|*|vehicle|flyer|R|1.15|blue|airplane,plane,jet|aircraft
rocket|*|vehicle|flyer|R|1.05|red|rocket,rocket ship|spaceship
helicopter|*|vehicle|flyer|L|1.1|orange|helicopter|chopper
flying-saucer|*|vehicle|flyer|-|1|yellow|ufo,flying saucer|alien spacecraft
balloon|*|thing|flyer|-|0.9|red+|balloon,toy balloon|helium balloon
sailboat|*|vehicle|boat|L|1.1|yellow+|sailboat,sailing boat,boat|yacht
taxi||vehicle|vehicle|L|1.05|yellow|taxi,cab|minicab
police-car||vehicle|vehicle|L|1.1|grey|police car,patrol car|squad car
ambulance||vehicle|vehicle|L|1.15|red|ambulance|emergency vehicle
pickup-truck||vehicle|vehicle|L|1.1|red+|pickup truck,pickup|ute
racing-car||vehicle|vehicle|L|1.1|red+|racing car,race car|formula one car
motorcycle||vehicle|vehicle|L|1.05|red|motorcycle,motorbike|chopper bike
motor-scooter||vehicle|vehicle|L|0.95|red|scooter,motor scooter|moped
sport-utility-vehicle||vehicle|vehicle|L|1.1|blue|jeep,off-road car|suv
tram||vehicle|vehicle|-|1.15|blue|tram|streetcar
speedboat||vehicle|boat|L|1.05|orange|speedboat,motorboat|powerboat
ship||vehicle|boat|L|1.3|grey|ship,steamship|ocean liner
canoe||vehicle|boat|L|1|orange|canoe,rowing boat|kayak
small-airplane||vehicle|flyer|L|1|red|small plane,propeller plane|biplane
parachute||vehicle|flyer|-|1.05|orange|parachute,skydiver|paraglider
soccer-ball|*|thing|ball|-|0.8|white|soccer ball,football,ball|futbol
basketball||thing|ball|-|0.8|orange|basketball,orange ball|hoops ball
volleyball||thing|ball|-|0.8|white|volleyball|beach ball
red-apple|*|food|thing|-|0.8|red+|apple,fresh apple|fruit
banana|*|food|thing|-|0.85|yellow|banana,ripe banana|plantain
strawberry|*|food|thing|-|0.8|red|strawberry,sweet strawberry|berry
pizza||food|thing|-|0.9|yellow|pizza,slice of pizza|pepperoni slice
hamburger||food|thing|-|0.9|brown|hamburger,burger|cheeseburger
birthday-cake|*|food|thing|-|1|yellow|cake,birthday cake|layer cake
doughnut||food|thing|-|0.85|brown|doughnut,chocolate doughnut|donut
ice-cream||food|thing|-|0.9|blue|ice cream,bowl of ice cream|sundae
cupcake||food|thing|-|0.85|pink+|cupcake|muffin
watermelon||food|thing|-|0.85|red|watermelon,slice of watermelon|melon
pineapple||food|thing|-|0.95|orange|pineapple|ananas
carrot||food|thing|-|0.9|orange|carrot|root vegetable
tomato||food|thing|-|0.8|red|tomato|cherry tomato
lemon||food|thing|-|0.8|yellow|lemon|lime
cherries||food|thing|-|0.8|red|cherries|two cherries
sunflower|*|plant|thing|-|1.1|yellow|sunflower,yellow flower|blooming sunflower
tulip||plant|thing|-|1|pink+|tulip|spring flower
rose||plant|thing|-|1|red+|rose|rosebud
mushroom||plant|thing|-|0.85|red+|mushroom,toadstool|fungus
deciduous-tree|*|plant|thing|-|1.4|green|tree,green tree|oak
palm-tree||plant|thing|-|1.4|green|palm tree,palm|coconut tree
cactus||plant|thing|-|1.1|green|cactus|saguaro
christmas-tree||plant|thing|-|1.35|green|christmas tree|decorated fir
wrapped-gift|*|thing|thing|-|0.9|red+|gift,present,gift box|wrapped parcel
star|*|thing|flyer|-|0.85|yellow+|star,golden star|shining star
red-heart|*|thing|flyer|-|0.85|red+|heart,love heart|valentine
umbrella||thing|thing|-|1|purple+|umbrella|parasol
crown||thing|thing|-|0.85|yellow|crown,golden crown|tiara
guitar||thing|thing|-|1.05|red+|guitar,electric guitar|bass guitar
drum||thing|thing|-|0.9|red+|drum|snare drum
bell||thing|thing|-|0.85|yellow|bell,golden bell|church bell
alarm-clock||thing|thing|-|0.9|red+|alarm clock,clock|wake-up clock
chair||thing|thing|-|1|brown|chair,wooden chair|stool
kite||thing|flyer|-|1|blue|kite,toy kite|paper kite
gem-stone||thing|thing|-|0.85|blue+|diamond,gem|jewel
books||thing|thing|-|0.9|blue|books,stack of books|novels
teapot||thing|thing|-|0.9|red+|teapot|kettle
house||thing|thing|-|1.35|orange|house,little house|cottage
tent||thing|thing|-|1.2|green+|tent,camping tent|shelter
"""


@dataclass(frozen=True)
class Subject:
    id: str
    core: bool
    category: str
    kind: str
    facing: str
    scale: float
    colour: str
    paintable: bool
    names: tuple
    unseen: tuple


def _parse(line: str) -> Subject:
    icon, core, category, kind, facing, scale, colour, names, unseen = line.split("|")
    words = lambda text: tuple(w for w in text.split(",") if w)
    return Subject(icon, core == "*", category, kind, facing, float(scale), colour.rstrip("+"), colour.endswith("+"), words(names), words(unseen))


SUBJECTS = {s.id: s for s in map(_parse, TABLE.strip().splitlines())}

# Hue (turns) that a paintable drawing's dominant hue is moved to.
COLOURS = {"red": 0.99, "orange": 0.075, "yellow": 0.135, "green": 0.36, "blue": 0.58, "purple": 0.76, "pink": 0.91}

PLURALS = {"sheep": "sheep", "fish": "fish", "mouse": "mice", "goose": "geese", "wolf": "wolves", "man": "men", "woman": "women", "deer": "deer",
           "ox": "oxen", "gentleman": "gentlemen", "policeman": "policemen", "fireman": "firemen", "spaceman": "spacemen", "snowman": "snowmen"}


def plural(name: str) -> str:
    """Plural of a name; its last word carries the ending ("toy balloon" -> "toy balloons")."""
    head, _, last = name.rpartition(" ")
    if last in PLURALS:
        last = PLURALS[last]
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    else:
        last += "s"
    return f"{head} {last}".strip()
