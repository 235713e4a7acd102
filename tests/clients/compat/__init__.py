"""The porting aids: the packages' own test suites, and tests that the packages pass as well."""
