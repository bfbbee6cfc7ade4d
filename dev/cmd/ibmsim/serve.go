package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/ibmsim/clock"
)

type options struct {
	account, host, certificate, login string
	port                              int
	services, tls, virtual            bool
}

// serve runs until the context ends.
func serve(ctx context.Context, o options, stdout io.Writer) error {
	account, err := ibmsim.Load(o.account)
	if err != nil {
		return fmt.Errorf("load the account: %w", err)
	}
	var with ibmsim.Options
	if o.virtual {
		with.Clock = clock.NewVirtual(time.Now())
	}
	cloud := ibmsim.New(account, with)
	main, err := ibmsim.NewServer(cloud)
	if err != nil {
		return err
	}
	var p ports
	env, err := p.open(ctx, o, cloud, main)
	if err != nil {
		return errors.Join(err, p.close())
	}
	env["IBMCLOUD_ACCOUNT_ID"] = cloud.AccountID()
	if key := keyOf(account, o.login); key != "" {
		env["IC_API_KEY"] = key
	}
	if o.tls {
		if env["SSL_CERT_FILE"], err = writeCertificate(o.certificate, main.Certificate()); err != nil {
			return errors.Join(err, p.close())
		}
	}
	announce(stdout, account, p.base, env)
	select {
	case <-ctx.Done():
		return p.close()
	case err := <-p.ended:
		return errors.Join(fmt.Errorf("the simulated IBM Cloud ended by itself: %w", err), p.close())
	}
}

// ports are the listeners of one run.
type ports struct {
	base    string // of the control calls under /sim
	servers []*ibmsim.Server
	ended   chan error
}

// open listens and returns the addresses as environment variables.
func (p *ports) open(ctx context.Context, o options, cloud *ibmsim.Cloud, main *ibmsim.Server) (map[string]string, error) {
	names := ibmsim.ServiceNames()
	p.ended = make(chan error, len(names))
	scheme := "http://"
	if o.tls {
		scheme = "https://"
	}
	if !o.services {
		address, err := p.listen(ctx, o.host, o.port, main)
		p.base = scheme + address
		return cloud.Endpoints(p.base), err
	}
	bases := map[string]string{}
	for i, name := range names {
		server, err := main.Service(cloud, name)
		if err != nil {
			return nil, err
		}
		port := o.port
		if port != 0 {
			port += i
		}
		address, err := p.listen(ctx, o.host, port, server)
		if err != nil {
			return nil, err
		}
		bases[name] = scheme + address
	}
	p.base = bases[names[0]]
	return cloud.ServiceEndpoints(bases), nil
}

func (p *ports) listen(ctx context.Context, host string, port int, server *ibmsim.Server) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", fmt.Errorf("port %d on %s is already in use: stop the process that listens there, or choose another --port (0 takes a free one)", port, host)
	}
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	p.servers = append(p.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.ended <- err
		}
	}()
	return l.Addr().String(), nil
}

func (p *ports) close() error {
	var err error
	for _, s := range p.servers {
		err = errors.Join(err, s.Close())
	}
	return err
}

func keyOf(account *ibmsim.Account, email string) string {
	for _, u := range account.Users {
		if strings.EqualFold(u.Email, email) {
			return u.APIKey
		}
	}
	return ""
}

func writeCertificate(path string, text []byte) (string, error) {
	if path == "" {
		path = filepath.Join(os.TempDir(), "ibmsim.pem")
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return "", fmt.Errorf("write the certificate: %w", err)
	}
	return path, nil
}

// announce prints lines a shell can source; what is not a variable is a comment.
func announce(w io.Writer, account *ibmsim.Account, base string, env map[string]string) {
	fmt.Fprintf(w, "# The simulated IBM Cloud serves account %q. ^C ends it.\n", account.Name)
	fmt.Fprintf(w, "# Control: %s/sim/outages  /sim/ledger  /sim/requests  /sim/faults  /sim/state  /sim/unknown\n", base)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(w, "export %s='%s'\n", name, env[name])
	}
}
