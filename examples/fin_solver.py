"""A stand-in for a command-line solver that one cannot import: input file in, output file out.

    python fin_solver.py case.json result.json

It computes the temperatures along a cooling fin that conducts, convects and radiates, by a fixed
point iteration which diverges where radiation is strong; then it says so and exits with code 1.
"""

import json
import sys

import numpy as np

N_CELLS = 60


def solve_fin(length, thickness, conductivity, convection, base):
    """Return the tip temperature in K; the air has 300 K. Lengths in m, W/(m K), W/(m2 K)."""
    step = length / N_CELLS
    temperature = np.full(N_CELLS, base)
    for _ in range(200):
        radiation = 0.9 * 5.67e-8 * (temperature**4 - 300.0**4)
        loss = 2 * step**2 / (conductivity * thickness)
        matrix = np.diag(np.full(N_CELLS, 2 + loss * convection))
        matrix -= np.eye(N_CELLS, k=1) + np.eye(N_CELLS, k=-1)
        matrix[0, 0] += 1  # the base is half a cell away
        matrix[-1, -1] -= 1  # no heat leaves through the tip
        right = loss * (convection * 300.0 - radiation)
        right[0] += 2 * base
        new = np.linalg.solve(matrix, right)
        if not np.all((new > 0) & (new < 5000)):
            raise ArithmeticError("the iteration diverged")
        if np.abs(new - temperature).max() < 1e-6:
            return float(new[-1])
        temperature = new
    raise ArithmeticError("no convergence after 200 iterations")


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        case = json.load(file)
    try:
        tip = solve_fin(**case)
    except ArithmeticError as error:
        sys.exit(f"fin_solver: {error}")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump({"tip_temperature": tip}, file)
