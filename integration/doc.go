// Package integration tests the built binary against a stand-in for Salesforce, with real tools, under real faults.
package integration
