"""What a lying coordinator can open when it may show every honest device views of its own:
one satisfiability problem.

Unknown: who is corrupt, what each honest device is shown as alive (6.8) and as surviving (6.10), who delivers
a vector, signs and answers. Nothing limits how many different views there are. Everything a device checks is
a constraint. A model is an attack, spelt out by describe();
`unsat` says that none exists for these n, k, t and c.
"""
from dataclasses import dataclass, field

import z3

import graphs


@dataclass(frozen=True)
class Question:
    n: int
    k: int
    t: int
    corrupt: int                     # at most this many devices give the coordinator all they hold
    rule: str = "none"               # what a device asks for before it releases; see Attack.consistency
    signatures: int = 0              # the rule's number
    release: str = "shares"          # for a missing neighbour: shares | pair seeds | both
    goal: str = "victim"             # victim | both kinds | sum (of at most goal_size honest devices)
    goal_size: int = 1
    planted: frozenset = field(default_factory=frozenset)


# The rules of a device that a planted bug takes away.
PLANTED = ("overlap", "own id", "not alive", "few survivors", "two answers", "ignored set")


class Attack:
    def __init__(self, question: Question):
        self.q = question
        n = question.n
        self.near = graphs.neighbours(n, question.k)
        self.solver = z3.Solver()
        self.corrupt = [z3.Bool(f"corrupt{i}") for i in range(n)]
        self.alive = [{j: z3.Bool(f"alive{i}_{j}") for j in self.near[i]} for i in range(n)]
        self.delivered = [z3.Bool(f"delivered{i}") for i in range(n)]
        self.signed = [z3.Bool(f"signed{i}") for i in range(n)]
        self.released = [z3.Bool(f"released{i}") for i in range(n)]
        self.view = [[z3.Bool(f"view{i}_{x}") for x in range(n)] for i in range(n)]
        self.missing = [{j: z3.Bool(f"missing{i}_{j}") for j in self.near[i]} for i in range(n)]
        self.self_open = [z3.Bool(f"self{i}") for i in range(n)]
        self.mask_open = [z3.Bool(f"mask{i}") for i in range(n)]
        self.add(at_most(self.corrupt, question.corrupt))
        for i in range(n):
            self.device(i)
            self.openings(i)
        self.goal()

    def add(self, *constraints):
        self.solver.add(*constraints)

    def device(self, i: int):
        q, planted = self.q, self.q.planted
        surviving = [self.view[i][j] for j in self.near[i]]
        self.add(z3.Implies(self.delivered[i], at_least(self.alive[i].values(), q.t)))
        self.add(z3.Implies(self.signed[i], self.delivered[i]))
        self.add(z3.Implies(self.released[i], z3.And(self.signed[i], z3.Not(self.corrupt[i]))))
        if "few survivors" not in planted:
            self.add(z3.Implies(self.signed[i], at_least(surviving, q.t)))
        if "own id" not in planted:
            self.add(z3.Implies(self.signed[i], self.view[i][i]))
        for j in self.near[i]:
            if "not alive" not in planted:
                self.add(z3.Implies(z3.And(self.signed[i], self.view[i][j]), self.alive[i][j]))
            if "overlap" in planted or "two answers" in planted:
                self.add(z3.Implies(self.missing[i][j], self.alive[i][j]))
            else:
                self.add(self.missing[i][j] == z3.And(self.alive[i][j], z3.Not(self.view[i][j])))
        self.add(z3.Implies(self.released[i], self.consistency(i)))

    def consistency(self, i: int):
        """The condition under which device i releases.

        none  at once.
        ack   `signatures` neighbours have signed a set of survivors with i in it.
        same  `signatures` neighbours have signed the very set that i was shown (of all participants).
        all   `signatures` participants, i among them, have signed the very set that i was shown.
        Corrupt devices sign whatever the coordinator likes, a different set for each reader.
        """
        q = self.q
        if q.rule == "none":
            return z3.BoolVal(True)
        readers = self.near[i] if q.rule in ("ack", "same") else range(q.n)
        signs = []
        for j in readers:
            fits = self.view[j][i] if q.rule == "ack" else self.same_view(i, j)
            if "ignored set" in q.planted:
                fits = z3.BoolVal(True)
            signs.append(z3.Or(self.corrupt[j], z3.And(self.signed[j], fits)))
        return at_least(signs, q.signatures)

    def same_view(self, i: int, j: int):
        if i == j:
            return z3.BoolVal(True)
        name = z3.Bool(f"same{min(i, j)}_{max(i, j)}")
        for x in range(self.q.n):
            self.add(z3.Implies(name, self.view[i][x] == self.view[j][x]))
        return name

    def openings(self, u: int):
        near = self.near[u]
        self_shares = [z3.Or(self.corrupt[i], z3.And(self.released[i], self.view[i][u], self.alive[i][u]))
                       for i in near]
        mask_shares = [z3.Or(self.corrupt[i], z3.And(self.released[i], self.missing[i][u])) for i in near]
        self.add(z3.Implies(self.self_open[u], at_least(self_shares, self.q.t)))
        if self.q.release == "pair seeds":
            self.add(z3.Not(self.mask_open[u]))  # no shares of mask seeds exist
        else:
            self.add(z3.Implies(self.mask_open[u], at_least(mask_shares, self.q.t)))

    def pair_known(self, i: int, j: int):
        ways = [self.corrupt[i], self.corrupt[j], self.mask_open[i], self.mask_open[j]]
        if self.q.release != "shares":
            ways += [z3.And(self.released[a], self.missing[a][b]) for a, b in ((i, j), (j, i))]
        return z3.Or(ways)

    def goal(self):
        """Position 0 stands for any: a rotation moves the victim there."""
        self.inside = [z3.Bool(f"inside{i}") for i in range(self.q.n)]
        self.add(z3.Not(self.corrupt[0]))
        if self.q.goal == "both kinds":
            if self.q.release == "pair seeds":  # all of its pair seeds released are as good as its mask seed
                opened = z3.And([z3.Or(self.corrupt[j], z3.And(self.released[j], self.missing[j][0]))
                                 for j in self.near[0]])
            else:
                opened = self.mask_open[0]
            self.add(self.self_open[0], opened)
            return
        # The sum over `inside` is readable: no unknown mask is left in it. Every linear combination of
        # vectors that reveals anything is made of such sums,
        # because one unknown pair mask forces equal factors on its two ends.
        self.add(self.inside[0], at_most(self.inside, 1 if self.q.goal == "victim" else self.q.goal_size))
        for i in range(self.q.n):
            self.add(z3.Implies(self.inside[i], z3.And(z3.Not(self.corrupt[i]), self.delivered[i],
                                                       self.self_open[i])))
            for j in self.near[i]:
                cancels = z3.And(self.inside[j], self.alive[j][i])
                self.add(z3.Implies(z3.And(self.inside[i], self.alive[i][j], z3.Not(cancels)),
                                    self.pair_known(i, j)))

    def exists(self, timeout_s: int = 0) -> bool:
        if timeout_s:
            self.solver.set("timeout", timeout_s * 1000)
        answer = self.solver.check()
        if answer == z3.unknown:
            raise TimeoutError(f"no answer within {timeout_s} s: {self.q}")
        return answer == z3.sat

    def describe(self) -> str:
        model = self.solver.model()

        def true(variable) -> bool:
            return z3.is_true(model.eval(variable))

        lines = [f"corrupt {[i for i in range(self.q.n) if true(self.corrupt[i])]}, "
                 f"sum over {[i for i in range(self.q.n) if true(self.inside[i])]}"]
        for i in range(self.q.n):
            if true(self.corrupt[i]):
                continue
            alive = [j for j in self.near[i] if true(self.alive[i][j])]
            state = "releases" if true(self.released[i]) else "signs" if true(self.signed[i]) else "silent"
            missing = [j for j in alive if true(self.released[i]) and true(self.missing[i][j])]
            lines.append(f"{i:2} {state:8} alive {alive} missing {missing} "
                         f"opened {'self ' if true(self.self_open[i]) else ''}"
                         f"{'mask' if true(self.mask_open[i]) else ''}")
        return "\n".join(lines)


def at_least(literals, count: int):
    literals = list(literals)
    if count <= 0:
        return z3.BoolVal(True)
    return z3.AtLeast(*literals, count) if count <= len(literals) else z3.BoolVal(False)


def at_most(literals, count: int):
    return z3.AtMost(*literals, count)
