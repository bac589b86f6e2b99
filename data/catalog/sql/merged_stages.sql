-- The fingerprints of the stages under a folder that have merged files.
SELECT DISTINCT split_part(path, '/', 4) FROM merged WHERE starts_with(path, $folder);
