// Package keystores tests the platform's keyrings, the files of a keystore, and forcecred doctor.
package keystores
