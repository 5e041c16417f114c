"""The reference server: a correct implementation of the documented API, its readings and its named faults. Imports nothing else of ours."""
