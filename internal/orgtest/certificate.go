package orgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Certificate is a kind of server certificate. The root of [Org.CAPEM] signs each, so a
// certificate has at most one fault.
type Certificate int

// Server certificates.
const (
	GoodCertificate      Certificate = iota // for localhost, 127.0.0.1, ::1, and Config.Hosts
	ExpiredCertificate                      // expired an hour ago
	FutureCertificate                       // valid in an hour
	WrongHostCertificate                    // for wrong-host.example only
)

// newCertificate makes a root, as PEM, and a server certificate for hosts and for loopback.
// Their times are of the real clock, not of the org's, because clients verify them with
// the real clock.
func newCertificate(kind Certificate, hosts []string) (root []byte, leaf tls.Certificate, err error) {
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "orgtest root"},
		NotBefore:             now.Add(-48 * time.Hour),
		NotAfter:              now.Add(48 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, leaf, err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return nil, leaf, err
	}

	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "orgtest"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, host)
		}
	}
	switch kind {
	case ExpiredCertificate:
		cert.NotAfter = now.Add(-time.Hour)
	case FutureCertificate:
		cert.NotBefore = now.Add(time.Hour)
	case WrongHostCertificate:
		cert.DNSNames, cert.IPAddresses = []string{"wrong-host.example"}, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, key.Public(), caKey)
	if err != nil {
		return nil, leaf, err
	}
	root = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return root, tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}, nil
}
