package plugin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
)

// mutualTLS returns the plugin's TLS configuration for a host with that certificate, in
// PEM. Each accepts the other's certificate alone. Without a host's certificate there is
// no TLS, and it returns nil.
func mutualTLS(hostPEM string) (*tls.Config, error) {
	if hostPEM == "" {
		return nil, nil
	}
	host := x509.NewCertPool()
	host.AppendCertsFromPEM([]byte(hostPEM)) // ServeOptions.check has refused an invalid certificate
	own, err := newCertificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    host,
		MinVersion:   tls.VersionTLS12,
	}, nil
}

// newCertificate returns a key and its certificate for this process. For the host the
// certificate is the only root, with the name localhost.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             now.Add(-time.Hour), // the clock may be set back while the plugin runs
		NotAfter:              now.AddDate(30, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// handshakeLine returns the line with which go-plugin's host connects. secured is
// nil without TLS.
func handshakeLine(at net.Addr, secured *tls.Config, asksForMultiplexing bool) string {
	certificate := ""
	if secured != nil {
		certificate = base64.RawStdEncoding.EncodeToString(secured.Certificates[0].Certificate[0])
	}
	line := fmt.Sprintf("%d|%d|%s|%s|%s|%s", goplugin.CoreProtocolVersion, Version, at.Network(), at, goplugin.ProtocolGRPC, certificate)
	if asksForMultiplexing {
		line += "|false" // older hosts refuse a seventh field
	}
	return line + "\n"
}
