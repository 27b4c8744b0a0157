"""The words that the offline model knows. English only, and few: it is a demonstration."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _set(
    """
    a about above across after again against all almost along already also although always am
    among an and another any anyone anything are around as at away back be became because become
    been before behind being below between both but by came can cannot could did do does doing
    done down during each either else enough even ever every everyone everything few first for
    from further gave get gets give given go goes going gone got had has have having he hence
    her here hers herself him himself his how however i if in indeed instead into is isn't it
    its it's itself just keep kept kind last later least less let like long made make makes
    making many may me might mine more most mostly much must my myself near nearly need neither
    never new next no nobody none nor not nothing now of off often on once one only onto or
    other others our ours ourselves out over own part per perhaps please put quite rather really
    same say says second see seem seems several shall she should since so some someone something
    still such take taken takes than that that's the their theirs them themselves then there
    therefore these they thing things this those though three through throughout thus to
    together too toward towards two under until up upon us use used uses using usually various
    very via want was way ways we well went were what when where whether which while who whole
    whom whose why will with within without would yet you your yours yourself yourselves don't
    doesn't didn't won't can't wasn't weren't i'm i've you're we're they're
    """
)

UNITS = _set(
    """
    centimetre centimetres cent cents cm day days dollar dollars euro euros gram grams hour hours kg
    kilogram kilograms kilometre kilometres km litre litres metre metres milligram millimetre
    millimetres million millions minute minutes month months ms percent pound pounds second seconds
    square times tonne tonnes week weeks year years
    """
)
"""Words that stand after a number; no key terms."""

TASK_WORDS = _set(
    """
    answer assess brief call check choose consider describe document draft each evaluate explain
    find following give guide input instruction instructions judge list look name output paragraph
    point points provide question rate rating read reason reasons respond reviewer review reviewing
    return score scores sentence sentences short show single state step tell text user viewpoint
    word words write writer you
    """
)
"""What instructions say of every subject; the words left over are the subject."""

NUMBERS = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50}

POSITIVE = _set(
    """
    accurate advantage amazing appreciate awesome beautiful benefit best better bright brilliant
    calm careful clean clear clever comfortable convenient correct delicious delight delighted
    delightful dependable durable easily easy effective efficient effortless elegant enjoy enjoyed
    excellent exceptional fair fantastic fast favourite flawless flexible free fresh friendly fun
    gain generous glad good gorgeous grateful great happy healthy helpful honest ideal impressed
    impressive improve improved improvement intuitive kind like liked lovely love loved loves neat
    nice outstanding perfect perfectly pleasant pleased polite powerful praise profit progress
    prompt quick quickly recommend recommended reliable responsive rich robust safe satisfied secure
    simple sleek smooth smoothly solid solved stable strength strong stunning success successful
    super superb sustainable thank thanks tidy trust useful valuable value warm welcome well win
    wonderful works worth
    """
)

NEGATIVE = _set(
    """
    abandon abuse afraid angry annoyed annoying awful awkward bad blame boring breach break broke
    broken bug bugs buggy cancel careless clumsy complain complaint complicated confused confusing
    corrupt cost costly crash crashed crashes crashing damage damaged danger dangerous dead deadlock
    delay delayed delays deny difficult dirty disappointed disappointing dislike dispute downtime
    error errors exceed expensive fail failed failing fails failure fault faulty fear fine fraud
    freeze freezes frustrated frustrating hard harm harmful hate hated hates horrible impossible
    inaccurate inadequate incomplete inconsistent ineffective insecure insufficient issue issues
    lack lacking lag late leak liable lie limited lose loses losing loss lost mediocre mess messy
    miss missed misses missing mistake mistakes noisy obsolete outage overpriced pain painful
    penalty poor poorly problem problems refuse refused reject rejected risk risks risky rude sad
    scam severe shortage slow sluggish stolen stuck stupid terminate terrible threat tired tiresome
    ugly unable unacceptable unclear unfair unhappy unknown unpaid unreliable unresolved unsafe
    unstable unusable upset useless vague violation vulnerable warning waste wasted weak weakness
    worried worry worse worst wrong
    """
)

NEGATIONS = _set(
    """
    aren't can't cannot couldn't didn't doesn't don't hardly hasn't haven't isn't lack lacks never
    no nobody none nor not nothing shouldn't wasn't weren't without won't wouldn't
    """
)

INTENSIFIERS = _set(
    """
    absolutely completely deeply especially extremely highly incredibly really remarkably seriously
    so terribly too totally truly utterly very
    """
)

VIEWPOINTS = {
    "technical": """
        api architecture algorithm automated automation availability backup bandwidth benchmark
        browser cache capacity client cloud code component concurrency configuration container
        database data debug dependency deploy deployment design device disk encryption endpoint
        engine error failover framework hardware http implementation index infrastructure
        integration interface kernel language latency library load log logging maintenance memory
        migration model module monitoring network node open-source operating outage parallel
        performance pipeline platform process processor production protocol query queue recovery
        redundancy release reliability replica request retry rollback scalability scale schema
        script security server service software sql storage system test testing thread throughput
        timeout token uptime version
        """,
    "business": """
        adoption advantage annual audience benefit brand budget business buyer campaign capital cash
        churn client commercial competition competitive competitor contract conversion cost customer
        demand discount distribution economic employee enterprise expense finance financial forecast
        funding goal growth hire income industry invest investment investor launch lead loss
        management manufacturer margin market marketing milestone monthly objective operations
        opportunity order partner partnership payback payment plan pilot portfolio price pricing
        product profit profitability project purchase quarter quarterly reseller retail return
        revenue roi roadmap salary sale sales segment staff stakeholder strategy subscription
        supplier supply target team value vendor volume
        """,
    "legal": """
        agreement amendment arbitration assignment audit authority breach claim clause compliance
        comply confidential confidentiality consent contract controller copyright court customer
        damages data-protection deadline disclosure dispute duty enforce entitled exclusive
        execution fine force-majeure gdpr governing guarantee indemnify indemnity infringement
        injunction insurance intellectual invoice jurisdiction law lawful lease legal legislation
        liability liable licence license licensee licensor limitation negligence notice obligation
        owner ownership parties party patent penalty personal policy privacy processor property
        provision regulation regulatory remedy representation rights settlement severability
        shall signature statute subcontractor subject sue supplier term terminate termination
        territory terms third-party trademark violation void waive waiver warrant warranty
        """,
    "clarity": """
        aim conclusion definition describe example explain figure finally goal heading hence
        introduction means overview purpose reason section summary table therefore
        """,
}
"""What a reviewer of each kind looks for."""

VIEWPOINTS_ALIKE = {
    "engineer": "technical",
    "engineering": "technical",
    "commercial": "business",
    "economic": "business",
    "financial": "business",
    "market": "business",
    "contractual": "legal",
    "compliance": "legal",
    "lawyer": "legal",
    "regulatory": "legal",
    "editorial": "clarity",
    "readability": "clarity",
    "style": "clarity",
}

CATEGORIES = {
    "bug": "broken bug crash error exception fail freeze glitch hang lost stuck wrong",
    "performance": "delay fast lag latency loading memory performance quick slow speed timeout",
    "usability": """
        button click confusing design easy find hard interface intuitive layout menu navigation
        screen unclear usability ux
        """,
    "feature": "add allow could feature idea missing option please request suggest wish would",
    "billing": """
        bill billing card charge discount expensive fee invoice overcharged paid pay payment plan
        price pricing refund subscription tax
        """,
    "delivery": "arrive box courier deliver delivery late order package parcel ship shipping track",
    "support": "agent answer call chat contact helpful reply response rude service staff wait",
    "account": "account email locked login password profile register sign signup user",
    "security": "breach hack hacked leak privacy phishing secure security spam stolen",
    "documentation": "docs documentation example explain guide manual read tutorial",
    "quality": "broke cheap damaged defect durable fabric faulty fit material quality scratch size",
    "praise": "amazing awesome excellent fantastic great love perfect recommend thank thanks",
    "complaint": "angry awful bad disappointed hate horrible terrible unacceptable useless worst",
}
"""Of what a piece of feedback speaks."""

CATEGORIES_ALIKE = {
    "cost": "billing",
    "defect": "bug",
    "design": "usability",
    "doc": "documentation",
    "idea": "feature",
    "improvement": "feature",
    "interface": "usability",
    "issue": "bug",
    "login": "account",
    "payment": "billing",
    "price": "billing",
    "pricing": "billing",
    "problem": "bug",
    "reliability": "bug",
    "request": "feature",
    "service": "support",
    "shipping": "delivery",
    "speed": "performance",
    "stability": "bug",
    "suggestion": "feature",
    "technical": "bug",
    "ui": "usability",
    "ux": "usability",
}

ELSE = ("other", "general", "misc", "miscellaneous", "none", "unknown", "unclear", "neutral")
"""What a list of choices calls the choice for everything else."""

HARM = {
    "violence": (1.0, "attack beat blood bomb hurt kill murder punch shoot stab strangle weapon"),
    "threat": (0.9, "destroy regret revenge threat threaten warn"),
    "self-harm": (1.0, "overdose self-harm suicide"),
    "harassment": (0.7, "coward disgusting dumb fool hate idiot loser moron pathetic stupid trash"),
    "profanity": (0.5, "bastard bloody bullshit crap damn hell shit"),
    "spam": (0.6, "casino cheap click crypto earn giveaway jackpot lottery miracle prize winner"),
    "privacy": (0.6, "address passport password phone ssn"),
}
"""What a moderator looks for: how grave it is from 0 to 1, and its words."""

HARM_LENSES = {
    "policy": ("harassment", "profanity", "spam", "privacy"),
    "rule": ("harassment", "profanity", "spam", "privacy"),
    "safety": ("violence", "threat", "self-harm"),
    "harm": ("violence", "threat", "self-harm", "harassment"),
    "privacy": ("privacy",),
    "spam": ("spam",),
    "legal": ("threat", "privacy", "spam"),
    "civil": ("harassment", "profanity", "threat"),
}
"""Which kinds a moderator with that word in the instructions looks at; the others, at all."""

URGENT = _set(
    """
    asap blocked blocker cancel cannot critical crash danger dangerous data-loss deadline down
    emergency fire fraud hacked immediately impossible legal locked lost now outage production
    refund security stolen today tomorrow unable unusable urgent urgently
    """
)

GRADES = {
    # From good to bad: how a moderator or a reviewer rules.
    "ruling": {
        "accept": 0.0,
        "accepted": 0.0,
        "allow": 0.0,
        "allowed": 0.0,
        "appropriate": 0.0,
        "approve": 0.0,
        "approved": 0.0,
        "clean": 0.0,
        "keep": 0.0,
        "ok": 0.0,
        "pass": 0.0,
        "safe": 0.0,
        "abstain": 0.5,
        "borderline": 0.5,
        "escalate": 0.5,
        "flag": 0.5,
        "maybe": 0.5,
        "review": 0.5,
        "uncertain": 0.5,
        "unsure": 0.5,
        "ban": 1.0,
        "block": 1.0,
        "blocked": 1.0,
        "deny": 1.0,
        "fail": 1.0,
        "harmful": 1.0,
        "inappropriate": 1.0,
        "reject": 1.0,
        "rejected": 1.0,
        "remove": 1.0,
        "toxic": 1.0,
        "unsafe": 1.0,
        "violation": 1.0,
    },
    "feeling": {
        "positive": 0.0,
        "happy": 0.0,
        "satisfied": 0.0,
        "neutral": 0.5,
        "mixed": 0.5,
        "negative": 1.0,
        "angry": 1.0,
        "unhappy": 1.0,
        "dissatisfied": 1.0,
    },
    "level": {
        "none": 0.0,
        "minimal": 0.1,
        "minor": 0.2,
        "low": 0.2,
        "normal": 0.45,
        "medium": 0.5,
        "moderate": 0.5,
        "high": 0.8,
        "major": 0.8,
        "severe": 0.9,
        "critical": 1.0,
        "immediate": 1.0,
        "urgent": 1.0,
    },
}
"""Choices that are steps of a scale, and where on it they stand from 0 to 1."""

ENTITY_KINDS = {
    "person": ("person", "people", "individual"),
    "organisation": ("organisation", "organization", "company", "org", "institution", "business"),
    "place": ("place", "location", "city", "country", "gpe", "address"),
    "date": ("date", "time", "day", "deadline", "period"),
    "money": ("amount", "money", "price", "currency", "cost"),
    "email": ("email", "contact"),
    "url": ("url", "link", "website"),
    "number": ("number", "quantity", "percentage", "percent", "measure"),
    "name": ("name", "product", "concept", "term", "thing"),
}
"""The kinds that the offline model tells apart, and what a schema may call them."""
