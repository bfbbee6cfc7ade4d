package controlplane

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap/zapcore"
)

// Etcd is a database of one member in this process. All clusters share it, each below a prefix of its own.
type Etcd struct {
	server *embed.Etcd
	url    string
}

// StartEtcd runs the database on free ports of the loopback address, with its files in dir, where it goes on with what a
// killed process left. Nothing is flushed to the disk: what it holds is worth nothing after a crash of the machine.
func StartEtcd(dir string) (*Etcd, error) {
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	c := embed.NewConfig()
	c.Dir = dir
	c.ListenClientUrls, c.AdvertiseClientUrls = anyPort, anyPort
	c.ListenPeerUrls, c.AdvertisePeerUrls = anyPort, anyPort
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.UnsafeNoFsync = true
	c.LogLevel = zapcore.ErrorLevel.String()
	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-server.Server.ReadyNotify():
		return &Etcd{server: server, url: "http://" + server.Clients[0].Addr().String()}, nil
	case err = <-server.Err():
	case <-time.After(time.Minute):
		err = errors.New("it is not ready after a minute")
	}
	server.Server.HardStop()
	return nil, fmt.Errorf("start etcd: %w", err)
}

// Stop ends the database at once. A graceful end would wait for the API servers' clients, which never let go.
func (e *Etcd) Stop() { e.server.Server.HardStop() }
