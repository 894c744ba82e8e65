"""CMA-ES told again from the tutorial (Hansen 2016), a solution at a time, in full matrices; slow and plain."""

import numpy as np


class PlainCMAES:
    def __init__(self, mean, sigma, gap, active=True, separable=False):
        self.m, self.sigma, self.gap, self.active, self.separable = np.array(mean, float), sigma, gap, active, separable
        self.d = len(mean)
        self.C, self.root, self.inverse = np.eye(self.d), np.eye(self.d), np.eye(self.d)
        self.ps, self.pc = np.zeros(self.d), np.zeros(self.d)
        self.g = self.decomposed = self.held = 0  # held: generations with h_sigma = 0

    def rates(self, k, mu):
        d = self.d
        raw = [np.log((k + 1) / 2 if mu == k // 2 else mu + 0.5) - np.log(i) for i in range(1, k + 1)]
        plus, minus = raw[:mu], raw[mu:]
        mueff = sum(plus) ** 2 / sum(w * w for w in plus)
        c1 = 2 / ((d + 1.3) ** 2 + mueff)
        cmu = min(1 - c1, 2 * (mueff - 2 + 1 / mueff) / ((d + 2) ** 2 + mueff))
        if self.separable:
            c1 = min(0.5, c1 * (d + 2) / 3)
            cmu = min(1 - c1, cmu * (d + 2) / 3)
        weights = [w / sum(plus) for w in plus] + [0.0] * len(minus)
        if self.active and sum(minus) < 0 and cmu > 0:
            mueff_minus = sum(minus) ** 2 / sum(w * w for w in minus)
            alpha = min(1 + c1 / cmu, 1 + 2 * mueff_minus / (mueff + 2), (1 - c1 - cmu) / (d * cmu))
            weights[mu:] = [alpha * w / -sum(minus) for w in minus]
        return weights, mueff, c1, cmu

    def tell(self, solutions, objective, mu=None):
        """The solutions that have a number, and how many are parents."""
        d, k = self.d, len(solutions)
        weights, mueff, c1, cmu = self.rates(k, k // 2 if mu is None else mu)
        cs, cc = (mueff + 2) / (d + mueff + 5), (4 + mueff / d) / (d + 4 + 2 * mueff / d)
        damping = 1 + 2 * max(0, np.sqrt((mueff - 1) / (d + 1)) - 1) + cs
        chi = np.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d**2))
        order = sorted(range(k), key=lambda i: -objective[i])
        ys = [(solutions[i] - self.m) / self.sigma for i in order]
        yw = sum(w * y for w, y in zip(weights, ys, strict=True) if w > 0)
        self.g += 1
        self.m = self.m + self.sigma * yw
        self.ps = (1 - cs) * self.ps + np.sqrt(cs * (2 - cs) * mueff) * self.inverse @ yw
        size = np.linalg.norm(self.ps)
        h = size / np.sqrt(1 - (1 - cs) ** (2 * self.g)) < (1.4 + 2 / (d + 1)) * chi
        self.held += not h
        self.pc = (1 - cc) * self.pc + h * np.sqrt(cc * (2 - cc) * mueff) * yw
        C = (1 + c1 * (not h) * cc * (2 - cc) - c1 - cmu * sum(weights)) * self.C + c1 * np.outer(self.pc, self.pc)
        for w, y in zip(weights, ys, strict=True):
            if w < 0:
                w *= d / np.linalg.norm(self.inverse @ y) ** 2
            C = C + cmu * w * np.outer(y, y)
        self.C = np.diag(np.diag(C)) if self.separable else C
        self.sigma *= np.exp(min(1, cs / damping * (size / chi - 1)))
        if self.g - self.decomposed > self.gap:
            values, vectors = np.linalg.eigh(self.C)
            self.inverse = vectors @ np.diag(values**-0.5) @ vectors.T
            self.decomposed = self.g
