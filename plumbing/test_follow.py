"""Whether a function has changed: every way in which an edit can reach it, in other processes."""

import json
import subprocess
import sys

from plumbing.source import ROOT

S = "def s(view, k):\n    return view.pick(view.x.sum(-1), k) * {}\n"
END = "\nSTRATEGIES = {'s': s}\n"
H = "def h(x):\n    return x * @1\n"
MAKE = "def make(a, *b):\n    def s(view, k):\n        return view, k, a\n    return s\n"
P = "class P:\n    def __init__(self, n):\n        self.n = n\n    def __call__(self, view, k):\n" \
    "        return self.n\n    def go(self, view, k):\n        return self.n\n"
P_OF_B = P.replace("P:", "P(B):")
WRAP = "import functools\ndef wrap(f, n):\n    @functools.wraps(f)\n    def w(view, k):\n" \
       "        return f(view, k) * n\n    return w\n"


def plain(value="K", before="", after=""):
    return before + S.format(value) + after + END


# {what: the fork, or {file: text}}; @1 is the place of the edit
CASES = {
    "object": P + "STRATEGIES = {'s': P(@1)}",
    "bound method": P + "STRATEGIES = {'s': P(@1).go}",
    "class method": "class P:\n    n = 0\n    @classmethod\n    def s(cls, view, k):\n"
                    "        return cls.n\nP.n = @1\nSTRATEGIES = {'s': P.s}",
    "object's class": P + "P.go = lambda self, *a: @1\nSTRATEGIES = {'s': P(1)}",
    "object's slots": "class P:\n    __slots__ = 'n',\n    def __init__(self, n):\n"
                      "        self.n = n\n"
                      "    def __call__(self, view, k):\n        return self.n\n"
                      "STRATEGIES = {'s': P(@1)}",
    "object's base": "class B:\n    n = @1\n" + P_OF_B + "STRATEGIES = {'s': P(1)}",
    "base put in": "class B:\n    pass\n" + P_OF_B + "B.__call__ = lambda *a: @1\n"
                   "del P.__call__\nSTRATEGIES = {'s': P(1)}",
    "wrapper in the dict": WRAP + plain("1")[:-len(END)] + "STRATEGIES = {'s': wrap(s, @1)}",
    "decorator": WRAP + "@lambda f: wrap(f, @1)\n" + plain("1"),
    "decorator's file": {"fork": WRAP + "import json, os\n@lambda f: wrap(f, json.load(open(os.path"
                         ".dirname(__file__) + '/d.json')))\n" + plain("1"), "d.json": "@1"},
    "cached": "import functools\n" + S.format("@1") + "STRATEGIES = {'s': functools.lru_cache(s)}",
    "partial": "from functools import partial\n" + S.format(1).replace("k)", "k, n=1)", 1) +
               "STRATEGIES = {'s': partial(s, n=@1)}",
    "partial of a function": "from functools import partial\n" + S.format(1) + "def g():\n"
                             "    return @1\nSTRATEGIES = {'s': partial(s, f=g)}",
    "partial of a built-in": "from functools import partial\nimport math\n" + S.format(1) +
                             "STRATEGIES = {'s': partial(s, f=(math.sin, math.cos)[@1 > 0])}",
    "partial of a set": "from functools import partial\n" + S.format(1) +
                        "STRATEGIES = {'s': partial(s, f={'abc', 'def', 'ghi', 'jkl', '@1'})}",
    "partial of sets of sets": "from functools import partial\n" + S.format(1) +
    "STRATEGIES = {'s': partial(s, f={frozenset({'a', 'b'}), frozenset({'@1', 'c'})})}",
    "closure over a number": MAKE + "STRATEGIES = {'s': make(@1)}",
    "closure over a long text": MAKE + "STRATEGIES = {'s': make('a' * 2000 + '@1')}",
    "closure over an object": MAKE + P + "STRATEGIES = {'s': make(P(@1))}",
    "closure over a set": MAKE + "STRATEGIES = {'s': make({'abc', 'def', 'ghi', '@1'})}",
    "closure over a generator": "import torch\n" + MAKE +
    "STRATEGIES = {'s': make(torch.Generator().manual_seed(5 + @1))}",
    "closure over random numbers": "import numpy as np\nimport random\n" + MAKE +
    "STRATEGIES = {'s': make((np.random.default_rng(), random.Random(), @1))}",
    "closure over a tensor": "import torch\n" + MAKE +
    "STRATEGIES = {'s': make(torch.ones(2) * @1)}",
    "closure over an array": "import numpy\n" + MAKE +
    "STRATEGIES = {'s': make(numpy.ones(2) * @1)}",
    "closure over objects of libraries":
    "import collections, pathlib, re, threading\n" + MAKE + "STRATEGIES = {'s': make(["
    "collections.deque([@1]), pathlib.Path('a'), re.compile('b'), threading.Lock(), object(),"
    "iter([1])])}",
    "closure over a lock": "import threading\n" + MAKE + "K = @1\nSTRATEGIES = {'s': make("
                           "threading.Lock(), K)}",
    "closure over a module": {"fork": "import hh\n" + MAKE +
                              "STRATEGIES = {'s': make(hh)}", "hh": H},
    "closure over itself": "def make():\n    def s(view, k):\n        return s, @1\n    return s\n"
                           "a = [make()]\na.append(a)\nSTRATEGIES = {'s': make()}",
    "made in a neighbour": {"fork": "import hh\nSTRATEGIES = {'s': hh.make(@1)}", "hh": MAKE},
    "lambda": {"fork": "from hh import h\nSTRATEGIES = {'s': lambda view, k: h(k)}", "hh": H},
    "lambda's default": {"fork": "import hh\nSTRATEGIES = {'s': hh.L[1 + @1]}",
                         "hh": "L = [lambda view, k, i=i: i for i in range(3)]"},
    "import in a function": {"fork": "def s(view, k):\n    from hh import h\n    return h(k)" + END,
                             "hh": H},
    "import of a folder": {"fork": "def s(view, k):\n    import pp.hh\n    return pp.hh.h(k)" + END,
                           "pp/hh.py": H},
    "import of a package": {"fork": "from p2 import h\n" + plain("h(1)"), "p2/__init__.py":
                            "from .hh import h", "p2/hh.py": H},
    "import *": {"fork": "from hh import *\n" + plain("h(1)"), "hh": H},
    "neighbour of a neighbour": {"fork": "import hh\n" + plain("hh.h(1)"), "hh": "from h2 import h",
                                 "h2": H},
    "circle of neighbours": {"fork": "import hh\n" + plain("hh.h(1)"), "hh": "import h2\n" + H,
                             "h2": "import hh"},
    "importlib": {"fork": "import importlib\n" + plain(
        "importlib.import_module('hh').h(1)"), "hh": H},
    "importlib above": {"fork": "import importlib\nhh = importlib.import_module('hh')\n" +
                        plain("hh.h(1)"), "hh": H},
    "__import__": {"fork": plain("__import__('hh').h(1)"), "hh": H},
    "exec": plain("K", "exec('K = @1')\n"),
    "exec of a file": {"fork": "import os\nexec(open(os.path.dirname(__file__) + '/hh.py')"
                       ".read())\n" + plain("h(1)"), "hh": H},
    "globals().update": plain("K", "K = 1\n_ = globals().update(K=@1)\n"),
    "globals() = ": plain("K", "K = 1\nglobals()['K'] = @1\n"),
    "globals() in it": plain("globals()['K']", "K = @1\n"),
    "sys.modules in it": plain("sys.modules[__name__].K", "import sys\nK = @1\n"),
    "setattr of a module": plain(
        "K", "import sys\nK = 1\nsetattr(sys.modules[__name__], 'K', @1)\n"),
    "global in a function": plain("K", "K = 1\ndef f():\n    global K\n    K = @1\nf()\n"),
    "if": plain("K", "if True:\n    K = @1\n"), "exec of a function":
    "exec('def s(view, k):\\n    return @1')" + END,
    "try": plain("h(1)", "try:\n    import no_such\nexcept ImportError:\n" + "".join(
        f"    {line}\n" for line in H.splitlines())),
    "for": plain("K", "for K in (2, 3, @1):\n    pass\n"),
    "while": plain("K", "K = 9\nwhile K > @1:\n    K -= 1\n"),
    "with": {"fork": "import os\nwith open(os.path.dirname(__file__) + '/d.txt') as f:\n"
             "    K = float(f.read())\n" + plain(), "d.txt": "@1"},
    "match": plain("K", "match @1:\n    case K:\n        pass\n"),
    "K *= ": plain("K", "K = @1\nK *= 1\n"),
    "twice": plain("K", "K = @1\nK = -K\n"), "walrus": plain("K", "[K := @1]\n"),
    "item": plain("W['a']", "W = {'a': 1}\nW['a'] = @1\n"),
    "another name for it": plain("W['a']", "W = {'a': 1}\nA = W\nA['a'] = @1\n"),
    "method call": plain("W[0]", "W = []\n_ = W.append(@1)\n"),
    "attribute": plain("s.w", after="s.w = @1\n"),
    "setattr": plain("s.w", after="_ = setattr(s, 'w', @1)\n"),
    "helper's attribute": plain("h.w", "def h():\n    return 1\nh.w = @1\n"),
    "neighbour's attribute": {"fork": "import hh\nhh.w = @1\n" + plain("hh.h(1)"),
                              "hh": "w = 1\ndef h(x):\n    return w"},
    "needs": plain("1", after="if @1 > 0:\n    s.needs = {'pool_dynamics'}\n"),
    "defaults": "def s(view, k, n=@1):\n    return n" + END,
    "default of a list": "L = [1]\ndef s(view, k, n=L):\n    return n\nL[0] = @1" + END,
    "defaults put in": "def s(view, k, n=1):\n    return n\ns.__defaults__ = (@1,)" + END,
    "code put in": "def s(view, k):\n    return 1\ndef g(view, k):\n    return @1\n"
                   "s.__code__ = g.__code__" + END,
    "default read": {"fork": "import json, os\ndef s(view, k, n=json.load(open(os.path.dirname("
                     "__file__) + '/d.json'))):\n    return n" + END, "d.json": "@1"},
    "class": plain("C.n", "class C:\n    n = @1\n"),
    "class attribute put in": plain("C.n", "class C:\n    n = 1\nC.n = @1\n"),
    "class attribute read": {"fork": "import os\nimport numpy as np\nclass C:\n    W = np.loadtxt("
                             "os.path.dirname(__file__) + '/d.txt')\n" + plain("C.W"),
                             "d.txt": "1 2 @1"},
    "class's base": plain("C().f()", "class B:\n    def f(self):\n        return @1\n"
                                     "class C(B):\n    pass\n"),
    "metaclass": plain("C.n", "class M(type):\n    n = @1\nclass C(metaclass=M):\n    pass\n"),
    "property": plain("C().n", "class C:\n    @property\n    def n(self):\n        return @1\n"),
    "dataclass": plain("C().n", "from dataclasses import dataclass\n@dataclass\nclass C:\n"
                                "    n: int = @1\n"),
    "local class": "def make(n):\n    class C:\n        def __call__(self, view, k):\n"
                   "            return n\n    return C()\nSTRATEGIES = {'s': make(@1)}",
    "data file": {"fork": "import os\nimport numpy as np\nW = np.loadtxt(os.path.dirname("
                  "__file__) + '/d.txt')\n" + plain("W"), "d.txt": "1 2 @1"},
    "words of a file": {"fork": "import os\nW = set(open(os.path.dirname(__file__) + '/d.txt')"
                        ".read().split())\n" + plain("len(W)"), "d.txt": "the words of a @1"},
    "number of a file": {"fork": "import os\nW = float(open(os.path.dirname(__file__) + '/d.txt')"
                         ".read())\n" + plain("W"), "d.txt": "@1"},
    "neighbour's data file": {"fork": "import hh\n" + plain("hh.h(1)"), "hh": "import os, json\n"
                              "W = json.load(open(os.path.dirname(__file__) + '/d.json'))\n"
                              "def h(x):\n    return W", "d.json": "[@1]"},
    "registered": "from strategies import STRATEGIES\n" + S.format("@1") + "STRATEGIES['s'] = s",
    "library put in": plain("1", "import strategies\nstrategies.MC_PASSES = 10 + 0 * @1\n"),
    "torch's default": plain("1", "import torch\ntorch.set_num_threads(2 + @1)\n"),
    "global random generator": plain(
        "G", "import numpy as np\nG = np.random.default_rng()\nK = @1\n"),
    "time": plain("T, @1", "import time\nT = time.time()\n"),
    "constant of a set": plain("str(k) in {'0', '1', '2', 'dd', 'ee', '@1'}"),
}

SCRIPT = """
import json, pathlib, sys
import forks
from plumbing import made
found = []
for place in sys.argv[1:]:
    fork = forks.load(pathlib.Path(place) / "fork.py")
    found.append(made.sources(fork.learning(), list(fork.names["STRATEGIES"]))["strategies"]["s"])
print(json.dumps(found))
"""


def write(folder, files, value):
    """Write a case's files into a folder, with a value in the place of the edit."""
    for name, text in (files if isinstance(files, dict) else {"fork": files}).items():
        path = folder / (name if "." in name else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("@1", value))
    return str(folder)


def in_process(seed, script, *arguments):
    """What a script prints, as JSON, in a process with another order of sets."""
    ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True,
                         cwd=ROOT, env={"PYTHONHASHSEED": str(seed), "PATH": ""})
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_every_edit_is_seen_and_another_process_says_the_same(tmp_path):
    one, edited = ([write(tmp_path / f"{value}-{i}", files, value) for i, files in enumerate(
        CASES.values())] for value in ("1", "-1"))
    found, again, other = (in_process(seed, SCRIPT, *folders)
                           for seed, folders in enumerate((one, one, edited)))
    assert [name for name, a, b in zip(CASES, found, other) if a == b] == []  # not seen
    assert [name for name, a, b in zip(CASES, found, again) if a != b] == []  # not stable
