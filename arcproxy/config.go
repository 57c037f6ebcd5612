package arcproxy

import (
	"io"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

const maxConfig = 1 << 20

// Config is what the az client tells the program by its file. What else is in it (the cloud's addresses, who is signed in) is not
// needed: all that comes with the cluster.
type Config struct {
	Server struct {
		HTTPPort  int `json:"httpPort"`
		HTTPSPort int `json:"httpsPort"`
	} `json:"server"`
}

// ReadConfig reads the file of a program.
func ReadConfig(path string) (Config, error) {
	file, err := os.Open(path) //nolint:gosec // the caller names the file
	if err != nil {
		return Config{}, fairlead.Errorf(fairlead.Invalid, "the configuration cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	content, err := io.ReadAll(io.LimitReader(file, maxConfig))
	if err != nil {
		return Config{}, fairlead.Errorf(fairlead.Invalid, "the configuration cannot be read: %w", err)
	}
	return parseConfig(content)
}

func parseConfig(content []byte) (Config, error) {
	var config Config
	config.Server.HTTPPort, config.Server.HTTPSPort = ControlPort, Port
	if err := yaml.Unmarshal(content, &config); err != nil {
		return config, fairlead.Errorf(fairlead.Invalid, "the configuration cannot be read: %w", err)
	}
	for _, port := range []int{config.Server.HTTPPort, config.Server.HTTPSPort} {
		if port < 1 || port > 65535 {
			return config, fairlead.Errorf(fairlead.Invalid, "%d in the configuration is not a port", port)
		}
	}
	return config, nil
}
