// Package platform tests forcecred under Windows (wine) and in FIPS mode.
package platform
