// Package integration tests the built binary against a stand-in for Salesforce, real tools and real faults.
package integration
