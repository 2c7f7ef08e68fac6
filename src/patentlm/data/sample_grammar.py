"""The grammar of the built-in sample corpus, as plain data.

A production is text with slots: `{name}` stands for one of the options of that name, `{a|b|c}` for
one of those listed on the spot. No stretch of fixed words is long, so that two abstracts seldom
share more than a phrase.
"""

# What each kind of invention talks about; one option of every line is drawn per abstract.
# `data` and `result` are plural, `task` is a gerund, `act` an infinitive without "to".
DOMAINS: tuple[dict[str, str], ...] = (
    {
        "task": "recognizing spoken commands|transcribing dictated speech|verifying a speaker",
        "data": "acoustic feature vectors|frames of sampled speech|cepstral vectors|utterances",
        "source": "microphone array|telephone handset|speech front end",
        "result": "phoneme probabilities|word hypotheses|speaker scores",
        "trouble": "background noise|regional accents|echo in the channel",
        "goal": "recognition accuracy|word accuracy|the quality of the transcript",
        "actor": "language decoder|dialog manager|voice interface",
        "act": "select the most likely sentence|answer the caller|carry out the spoken request",
        "setting": "in a noisy room|over a telephone line|inside a moving vehicle",
    },
    {
        "task": "controlling an internal combustion engine|detecting misfire|metering fuel",
        "data": "crankshaft speeds|manifold pressures|throttle positions|exhaust oxygen readings",
        "source": "sensor interface|test bench|engine-mounted data logger",
        "result": "injection times|ignition angles|air-fuel ratio values",
        "trouble": "sensor drift|transient load changes|cycle-to-cycle variation",
        "goal": "fuel economy|exhaust emission control|the smoothness of the engine",
        "actor": "engine control unit (ECU)|fuel injector driver|ignition module",
        "act": "correct the injected fuel quantity|advance the spark|report a failing cylinder",
        "setting": "during cold starts|under changing load|at high engine speed",
    },
    {
        "task": "detecting lesions in medical images|segmenting organs|grading suspected tumors",
        "data": "mammogram regions|tomography slices|tissue textures|ultrasound patches",
        "source": "picture archive|hospital scanner|portable imaging unit",
        "result": "malignancy scores|organ contours|probability maps",
        "trouble": "low tissue contrast|patient motion|overlapping anatomy",
        "goal": "diagnostic sensitivity|early detection of disease|agreement between readers",
        "actor": "reading workstation|diagnostic display|computer-aided diagnosis (CAD) server",
        "act": "mark suspicious tissue|assist the radiologist|recommend a biopsy",
        "setting": "in a screening clinic|at a reduced dose|across several hospitals",
    },
    {
        "task": "detecting payment fraud|screening card transactions|scoring insurance claims",
        "data": "transaction amounts|merchant codes|spending profiles|claim histories",
        "source": "point-of-sale terminal|payment gateway|account database",
        "result": "fraud scores|suspicion levels|ranked alerts",
        "trouble": "rare fraudulent cases|shifting purchase habits|false alarms",
        "goal": "the fraud detection rate|customer convenience|the recovery of losses",
        "actor": "authorization server|case manager|issuing bank",
        "act": "decline a doubtful payment|alert an investigator|block a stolen card",
        "setting": "before a purchase is approved|across many merchants|at an online store",
    },
    {
        "task": "controlling a plasma etch process|predicting wafer uniformity|timing an etch step",
        "data": "optical emission spectra|chamber pressures|gas flow rates|bias voltages",
        "source": "chamber monitor|sensor rack|wafer tool interface",
        "result": "etch depths|film thickness estimates|end-point signals",
        "trouble": "chamber aging|plasma instability|deposits on the chamber wall",
        "goal": "wafer yield|etch uniformity|the repeatability of the recipe",
        "actor": "recipe controller|process tool|run-to-run regulator",
        "act": "stop the etch step|correct the gas mixture|schedule chamber cleaning",
        "setting": "in a semiconductor plant|for a lot of wafers|between maintenance cycles",
    },
    {
        "task": "guiding a robot arm|grasping unknown objects|coordinating a mobile manipulator",
        "data": "joint angles|torque readings|stereo views|tactile signals",
        "source": "wrist-mounted sensor unit|teach pendant|robot simulator",
        "result": "joint torques|grasp poses|collision-free trajectories",
        "trouble": "friction in the joints|payload changes|calibration errors",
        "goal": "positioning accuracy|the speed of the manipulator|safety near workers",
        "actor": "motion controller|servo amplifier|trajectory planner",
        "act": "move the gripper along a smooth path|lift the object|avoid an obstacle",
        "setting": "on an assembly line|in a cluttered workspace|beside a human operator",
    },
    {
        "task": "compressing still images|coding video sequences|restoring decoded pictures",
        "data": "pixel blocks|transform coefficients|motion vectors|color planes",
        "source": "image sensor|frame buffer|video encoder",
        "result": "code words|quantized residuals|reconstructed blocks",
        "trouble": "blocking artifacts|blurred edges|transmission errors",
        "goal": "the compression ratio|picture quality|the usable bit rate",
        "actor": "entropy coder|bitstream formatter|receiving decoder",
        "act": "rebuild the picture|store the picture in fewer bits|choose a coding mode",
        "setting": "over a narrow-band channel|in a portable camera|for broadcast video",
    },
    {
        "task": "assessing credit risk|forecasting loan default|pricing a portfolio of loans",
        "data": "repayment histories|income figures|account balances|bureau reports",
        "source": "loan database|application form reader|credit bureau interface",
        "result": "default probabilities|risk grades|expected losses",
        "trouble": "missing entries|biased samples|sudden market shifts",
        "goal": "lending decisions|the return of the portfolio|fairness among applicants",
        "actor": "underwriting engine|loan officer terminal|pricing service",
        "act": "approve an applicant|set an interest rate|limit exposure to loss",
        "setting": "for small businesses|in a retail bank|throughout the life of a loan",
    },
    {
        "task": "interpreting seismic data|locating underground reservoirs|picking first arrivals",
        "data": "seismic traces|shot gathers|velocity profiles|well logs",
        "source": "geophone string|borehole tool|marine streamer",
        "result": "horizon depths|rock porosity values|fault maps",
        "trouble": "multiple reflections|ground roll|sparse well coverage",
        "goal": "the resolution of the survey|drilling success|geological consistency",
        "actor": "mapping workstation|reservoir simulator|drilling planner",
        "act": "place a new well|draw a geological section|estimate oil reserves",
        "setting": "in a deep-water field|beneath layered rock|along a survey line",
    },
    {
        "task": "reading handwritten characters|sorting postal mail|digitizing bank checks",
        "data": "stroke sequences|binarized character bitmaps|contour features|scanned fields",
        "source": "document scanner|pen tablet|mail sorter camera",
        "result": "character codes|confidence values|candidate strings",
        "trouble": "touching characters|slanted writing|faint ink",
        "goal": "reading accuracy|the throughput of the sorter|the legibility of records",
        "actor": "address interpreter|form processor|spelling corrector",
        "act": "route an envelope|accept the written amount|request manual review",
        "setting": "on crumpled paper|at a sorting center|on a handheld computer",
    },
    {
        "task": "detecting network intrusion|classifying malicious software|filtering spam",
        "data": "packet headers|kernel call traces|connection logs|message tokens",
        "source": "traffic monitor|host agent|security gateway",
        "result": "anomaly scores|threat classes|traffic labels",
        "trouble": "encrypted traffic|unseen attacks|deceptive messages",
        "goal": "the security of the host|detection speed|protection against new threats",
        "actor": "firewall|quarantine service|security console",
        "act": "drop hostile packets|isolate an infected host|warn an administrator",
        "setting": "at the edge of a local network|on a mail server|within a data center",
    },
    {
        "task": "diagnosing rotating machinery|predicting bearing wear|inspecting turbine blades",
        "data": "vibration spectra|temperature trends|rotor speeds|acoustic emissions",
        "source": "sensor node|machine monitor|data recorder",
        "result": "fault classes|wear indices|remaining-life estimates",
        "trouble": "mechanical resonance|varying shaft speed|scarce failure records",
        "goal": "plant availability|maintenance planning|the useful life of the machine",
        "actor": "maintenance scheduler|plant alarm panel|condition monitor",
        "act": "order a spare part|shut down a failing pump|plan an inspection",
        "setting": "in a gas turbine plant|aboard an aircraft|on a remote wind farm",
    },
)

# Words and short phrases; options are separated by "|".
PHRASES: dict[str, str] = {
    "title": "{trait} {system} for {task}|{method} and {system} for {task}|{kind} for {task}"
    "|{task} using a {kind}|{method} of {task} {setting}|{trait} {kind} {system} for {task}",
    "network": "recurrent neural network (RNN)|convolutional neural network (CNN)|neural network"
    "|time-delay neural network (TDNN)|artificial neural network (ANN)|deep neural network (DNN)"
    "|multilayer neural network|feedforward neural network|fuzzy neural network"
    "|self-organizing neural network|cellular neural network|spiking neural network",
    "trait": "improved|adaptive|real-time|low-cost|automatic|compact|distributed|robust|hybrid",
    "system": "system|apparatus|arrangement|device|platform|assembly",
    "method": "method|process|technique|procedure",
    "uses": "uses|employs|relies on|is built around|makes use of|incorporates",
    "joined": "coupled|connected|linked|attached",
    "gathered": "gathered|acquired|collected|measured|recorded|captured|obtained",
    "gathers": "gathers|acquires|collects|records|captures|supplies|provides",
    "gathering": "gathering|acquiring|collecting|recording|capturing|obtaining",
    "supplied": "supplied|fed|applied|presented|delivered|passed",
    "supplying": "supplying|feeding|applying|presenting|delivering|passing",
    "receives": "receives|observes|accepts|monitors|processes|analyzes",
    "produces": "produces|generates|outputs|computes|estimates|returns|yields",
    "producing": "producing|generating|computing|estimating|that outputs|that returns",
    "produced": "produced|generated|computed|estimated|predicted|inferred",
    "derive": "derive|infer|predict|estimate|compute|determine",
    "map": "map|convert|translate|transform",
    "preparing": "normalizing|filtering|scaling|digitizing|windowing|averaging|cleaning",
    "prepared": "normalized|low-pass filtered|digitized|scaled to a common range|freed of outliers"
    "|divided into {number} segments|quantized to 8 bits|averaged over time|stored in a buffer",
    "weights": "weights|connection weights|synaptic weights|weights and biases|coefficients"
    "|adjustable parameters|hidden-layer weights",
    "adjusted": "adjusted|updated|tuned|refined|modified|optimized|corrected",
    "algorithm": "back-propagation|gradient descent|a genetic algorithm|simulated annealing"
    "|stochastic gradient descent (SGD)|a competitive learning rule|reinforcement learning"
    "|an extended Kalman filter|a least-squares procedure|a conjugate gradient search",
    "error": "error|loss|cost|deviation|difference",
    "examples": "labeled examples|historical records|simulated cases|examples chosen by an expert"
    "|{number} stored cases|archived records|a small set of known cases",
    "number": "4|8|12|16|32|64|100|128|256|500",
    "layers": "two hidden layers|a single hidden layer|three neuron layers|{number} hidden units"
    "|a feedback path|shared weights|sparse connections|sigmoid units|a competitive output layer",
    "chip": "a single integrated circuit|a field-programmable gate array (FPGA)|a graphics card"
    "|a systolic array|an analog chip|a digital signal processor (DSP)|a memristor crossbar"
    "|an optical correlator|a low-power microcontroller|a cluster of servers|a parallel computer",
    "realized": "realized|implemented|built|executed|fabricated|embodied",
    "reduces": "reduces|suppresses|overcomes|tolerates|compensates for|copes with",
    "reducing": "reducing|suppressing|overcoming|compensating for|coping with",
    "improves": "improves|enhances|benefits|promotes|favors",
    "saving": "additional sensors|manual tuning|a physical model|expert knowledge|costly hardware"
    "|long computation|frequent recalibration|a large memory|human supervision",
    "aptly": "reliably|quickly|accurately|continuously|promptly|automatically|efficiently",
    "also": "in addition, |preferably, |optionally, |in one embodiment, |advantageously, "
    "|moreover, |in another aspect, |if desired, ||",
}

SENTENCES: dict[str, tuple[str, ...]] = {
    "opening": (
        "a {trait} {system} for {task} {setting} {uses} a {network} to {map} {data} into {result}.",
        "{data} from a {source} are {supplied} to a {network} {producing} {result} for {task}.",
        "disclosed is a {method} for {task} {setting}, {wherein|in which} a {network} {produces}"
        " {result} from {data} and {extra}.",
        "the {invention|disclosure} {concerns|relates to|is directed to} {task} with a {network}"
        " that {receives} {data} and {produces} {result}.",
        "for {reducing} {trouble} in {task}, a {network} {receives} {data} {gathered} {setting}"
        " and {produces} {result}.",
        "a {source} {joined} to a {network} {gathers} {data}, and {result} are {produced} {aptly}"
        " for {task} {setting}.",
        "in a {trait} {system} for {task}, {result} are {produced} from {data} by a {network}"
        " having {layers}.",
        "a {network} having {layers} {receives} {data} and {extra} and {produces} {result}"
        " {for use in|for the purpose of|suitable for} {task} {setting}.",
        "{systems and methods|methods and devices|techniques} are {described|provided|disclosed}"
        " for {task} {setting} by means of a {network} that {produces} {result}.",
        "a {method} for {task} {trains|operates|configures} a {network} to {derive} {result} from"
        " {data} {gathered} by a {source}.",
    ),
    "claim": (
        "a {method} {for|of} {task} {includes|comprises} {gathering} {data} with a {source},"
        " {preparing} the {data}, {supplying} them to a {network} having {layers}, and using the"
        " {produced} {result} to {act} {setting}.",
        "a {trait} {system} for {task} {includes|comprises|has} a {source} that {gathers} {data},"
        " a {preprocessor|memory|buffer|filter} for {preparing} the {data}, a {network} that"
        " {produces} {result}, and a {actor} {arranged|configured|adapted} to {act}.",
        "{steps in|the stages of|main steps of} a {method} for {task} {are|include} (a) {gathering}"
        " {data}, (b) {preparing} {extra}, (c) {supplying} {both|the two} to a {network}, and (d)"
        " {letting|having} a {actor} {act} {based on|according to|depending on} the {result}.",
        "{data} from a {source} are {prepared} and {supplied}, {together|along} with {extra}, to a"
        " {network} having {layers}; {its|the} outputs {are|represent} {result}, {with|from} which"
        " a {actor} {can|may} {aptly} {act} {setting}.",
    ),
    "acquire": (
        "the {source} {gathers} the {data}, {prepared} before {they reach|entering} the {net}.",
        "{also}the {data} are {prepared} and combined with {extra} {gathered} {setting}.",
        "the {net} {receives} {number} {inputs|channels|samples} at a time, {including|among them}"
        " {data} from the {source} and {extra}.",
        "after being {prepared}, the {data} {drive|excite|enter} the {input layer|input neurons} of"
        " the {net} {together|along} with {extra}.",
        "{also}{extra} {gathered} by {the|a second} {source} {complement|augment} the {data}.",
        "{each of the|every group of} {number} input {neurons|nodes|units} {receives} one of the"
        " {data}, {prepared} by a {preprocessing stage|front-end circuit|separate module}.",
    ),
    "train": (
        "during {training|learning}, the {weights} of the {net} are {adjusted} by {algorithm} until"
        " the {error} falls below a {threshold|limit|preset value}.",
        "the {net} is trained {beforehand|offline|in advance} on {examples} by {algorithm}, so"
        " that its {result} {match|approach} {known|desired|measured} {values|references}.",
        "{also}{algorithm} {minimizes|reduces} the {error} between {desired|measured} and"
        " {produced} {result} over {examples}.",
        "a {training unit|learning circuit|teacher module} compares the {result} with {targets|"
        "references} taken from {examples} and {changes|corrects} the {weights} accordingly.",
        "the {weights} are {initialized|pretrained} {at random|layer by layer|with noise} and"
        " then {adjusted} {online|once per cycle|after each pass} using {algorithm}.",
        "{when|whenever|as soon as} new {data} {arrive|accumulate}, {algorithm} is repeated and the"
        " {weights} are {adjusted} in {number} {iterations|passes|steps}.",
        "training {continues|proceeds} with {examples} until the {error}, {evaluated|checked} on"
        " {held-out|separate} {data}, {stops falling|is acceptably small}.",
    ),
    "infer": (
        "the {result} are {supplied} to a {actor}, which can {then|thereby} {act} {setting}.",
        "from the {result}, a {actor} {decides|determines} {whether|when|how} to {act}.",
        "{once trained|in operation|at run time}, the {net} {produces} the {result} {aptly}, and a"
        " {actor} uses them to {act}.",
        "a {comparator|decision stage|post-processor} {checks|ranks|smooths} the {result} so that a"
        " {actor} does not {act} {prematurely|needlessly|by mistake}.",
        "if {any|one} of the {result} {exceeds|crosses} a {limit|bound},"
        " a {actor} is {caused|made} to {act}.",
        "the outputs of {number} such networks are {averaged|combined|weighted} {to form|into} the"
        " {result} by which the {actor} is {guided|controlled|informed}.",
    ),
    "hardware": (
        "{also}the {net} is {realized} {on|by means of} {chip} with {number} {neurons|cells|"
        "processors} {operating in parallel|sharing a common bus|arranged in a grid}.",
        "the {weights} {are held|reside} in {local memory|nonvolatile cells|look-up tables}, and"
        " {chip} {evaluates|updates} {the neurons|each layer} {aptly}.",
        "{chip} {joined} to the {source} {executes|accelerates} the {work|sums} of the {net}.",
        "{also}each neuron {sums|accumulates} its {weighted inputs|products} in {number} clock"
        " {cycles|periods} of {chip}.",
        "because the {net} has {layers}, it can be {realized} on {chip} near the {actor}.",
    ),
    "advantage": (
        "{as a result|thus|consequently|in this way}, {goal} can be {improved|kept high} {setting}"
        " without {saving}.",
        "the {described|resulting|disclosed} {system} {reduces} {trouble} and {improves} {goal}.",
        "compared with {linear models|fixed rules|prior approaches|earlier work}, the {net}"
        " {improves} {goal} and {avoids|dispenses with} {saving}.",
        "{existing|known} {systems|solutions} {often|typically} suffer from {trouble}, {but|while}"
        " the {net} {improves} {goal} without {saving}.",
        "{also}{reducing} {trouble} {lessens|removes} the need for {saving} and {improves} {goal}.",
        "{also}{task} {is done|can be performed} {aptly} {in spite of|despite} {trouble}.",
    ),
    # For continuations only; of no domain, so that it fits every abstract.
    "closing": (
        "{a related|a corresponding} {method} and {system} {are|is} also {disclosed|described}.",
        "{storage media|computer programs} for {this purpose|this use} are {provided|described}.",
        "{also}the {method} {works|is carried out} without {saving}.",
    ),
}
