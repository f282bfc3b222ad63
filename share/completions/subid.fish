# SPDX-License-Identifier: MIT
# Completion of subid(1) for fish.  subid itself knows what the word may become, from its
# tables of options: this only asks.

function __subid_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (command subid complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':dirs'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end

complete -c subid -f -a '(__subid_complete)'
