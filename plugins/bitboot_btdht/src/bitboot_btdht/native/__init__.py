"""The PyPI package `btdht` as a second backend, `btdht-native`."""
