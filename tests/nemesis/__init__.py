"""A black-box torture of Carelog, and a checker that shares no code with it.

| module | |
|---|---|
| `__main__` | the command line |
| `run`, `running`, `healing` | one scenario from its servers to its evidence |
| `scenarios`, `faults_*`, `hostile*`, `cancellation` | what is done to the system |
| `processes`, `servers`, `volume`, `roles` | the servers and roles, and how they are killed |
| `commands`, `clients`, `history` | what clients ask, and the record of what they were told |
| `sampler`, `watcher` | what is looked at all the time, beside the clients |
| `check`, `check_*` | the checker: from the history and the servers alone |
| `seeded_bugs`, `self_test` | the tests of the tests |
| `readme` | the README's table, from the evidence |
"""
