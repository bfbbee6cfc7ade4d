package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// The kubeconfigs of a cluster, as files of its directory. All are self-contained.
const (
	Admin            = "admin"             // a token of an administrator
	AdminCertificate = "admin-certificate" // the same with a client certificate
	Somebody         = "somebody"          // a token of a user of this name without any right
)

// credentials are who a cluster is and whom it knows, as files of its directory.
type credentials struct {
	dir          string
	authority    *x509.Certificate
	authorityKey *ecdsa.PrivateKey
	authorityPEM []byte
	tokens       map[string]string // by kubeconfig
	adminPEM     []byte
	adminKeyPEM  []byte
	serial       int64
}

// Everything is made anew for every cluster, so that one's credentials open no other. Keys are ECDSA in the form of
// SEC 1: RSA keys would dominate the start of many clusters, and PKCS 8 is not what the service-account loader reads.
func newCredentials(dir string) (*credentials, error) {
	c := &credentials{dir: dir, tokens: map[string]string{Admin: rand.Text(), Somebody: rand.Text()}}
	if err := c.issueAuthority(); err != nil {
		return nil, err
	}
	served, servedKey, err := c.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	if err != nil {
		return nil, err
	}
	c.adminPEM, c.adminKeyPEM, err = c.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: Admin, Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	_, serviceAccountKey, err := newKey()
	if err != nil {
		return nil, err
	}
	users := fmt.Sprintf("%s,%s,1,system:masters\n%s,%s,2\n", c.tokens[Admin], Admin, c.tokens[Somebody], Somebody)
	for name, content := range map[string][]byte{
		"ca.pem": c.authorityPEM, "server.pem": served, "server-key.pem": servedKey,
		"service-account-key.pem": serviceAccountKey, "tokens.csv": []byte(users),
	} {
		if err := os.WriteFile(c.file(name), content, 0o600); err != nil {
			return nil, fmt.Errorf("write the cluster's credentials: %w", err)
		}
	}
	return c, nil
}

// loadCredentials finds what newCredentials made and writeKubeconfigs wrote for a cluster of an earlier process, and the
// address it had. The error is fs.ErrNotExist where no cluster has ever run.
func loadCredentials(dir string) (c *credentials, address string, err error) {
	c = &credentials{dir: dir, tokens: map[string]string{}}
	for _, name := range []string{Admin, AdminCertificate, Somebody} {
		config, err := clientcmd.LoadFromFile(c.file(name + ".kubeconfig"))
		if err != nil {
			return nil, "", fmt.Errorf("read the kubeconfig %s: %w", name, err)
		}
		cluster, user := config.Clusters["cluster"], config.AuthInfos[name]
		if cluster == nil || user == nil {
			return nil, "", fmt.Errorf("the kubeconfig %s of %s is not of this program", name, dir)
		}
		address, c.authorityPEM = strings.TrimPrefix(cluster.Server, "https://"), cluster.CertificateAuthorityData
		if user.Token != "" {
			c.tokens[name] = user.Token
		} else {
			c.adminPEM, c.adminKeyPEM = user.ClientCertificateData, user.ClientKeyData
		}
	}
	return c, address, nil
}

func (c *credentials) file(name string) string { return filepath.Join(c.dir, name) }

// flags are those of the API server that say who it is and whom it knows.
func (c *credentials) flags() []string {
	return []string{
		"--tls-cert-file=" + c.file("server.pem"),
		"--tls-private-key-file=" + c.file("server-key.pem"),
		"--client-ca-file=" + c.file("ca.pem"),
		"--token-auth-file=" + c.file("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.file("service-account-key.pem"),
		"--service-account-signing-key-file=" + c.file("service-account-key.pem"),
	}
}

// writeKubeconfigs writes a kubeconfig for each of the cluster's users.
func (c *credentials) writeKubeconfigs(server string) error {
	users := map[string]*api.AuthInfo{
		Admin:            {Token: c.tokens[Admin]},
		AdminCertificate: {ClientCertificateData: c.adminPEM, ClientKeyData: c.adminKeyPEM},
		Somebody:         {Token: c.tokens[Somebody]},
	}
	for name, user := range users {
		config := api.NewConfig()
		config.Clusters["cluster"] = &api.Cluster{Server: server, CertificateAuthorityData: c.authorityPEM}
		config.AuthInfos[name] = user
		config.Contexts[name] = &api.Context{Cluster: "cluster", AuthInfo: name}
		config.CurrentContext = name
		if err := clientcmd.WriteToFile(*config, c.file(name+".kubeconfig")); err != nil {
			return fmt.Errorf("write the kubeconfig %s: %w", name, err)
		}
	}
	return nil
}

func (c *credentials) issueAuthority() error {
	key, _, err := newKey()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a cluster of tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("sign the cluster's authority: %w", err)
	}
	if c.authority, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("read the cluster's authority: %w", err)
	}
	c.authorityKey, c.serial = key, 1
	c.authorityPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return nil
}

// issue signs a certificate for a new key; the template says for whom and for what.
func (c *credentials) issue(template *x509.Certificate) (certificate, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	c.serial++
	template.SerialNumber = big.NewInt(c.serial)
	template.NotBefore, template.NotAfter = c.authority.NotBefore, c.authority.NotAfter
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, c.authority, &key.PublicKey, c.authorityKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyPEM, nil
}

func newKey() (key *ecdsa.PrivateKey, keyPEM []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
